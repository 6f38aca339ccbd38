import pytest
import torch

from scellm.nn import make_config
from scellm.train._memory import bytes_per_token, chunk_tokens, keep_tokens

CPU = torch.device("cpu")
MINI = make_config("mini", 100)


def test_bytes_grow_with_depth_and_precision():
    deep = make_config("mini", 100, depth=8)
    assert bytes_per_token(deep) > 1.9 * (bytes_per_token(MINI) - 4 * 4 * 128)
    assert bytes_per_token(MINI, 2) == pytest.approx(bytes_per_token(MINI) / 2, rel=0.01)
    assert bytes_per_token(make_config("mini", 100, depth=0)) == 4 * 4 * 128


@pytest.mark.parametrize("attention", ["favor", "softmax"])
def test_the_estimate_is_near_what_a_step_keeps(attention):
    from scellm._tokens import Tokens
    from scellm.module import CellEncoder

    encoder = CellEncoder(make_config("mini", 1000, attention=attention)).train()
    n, cells = 400, 6
    gene = torch.cat([torch.randperm(1000)[:n] for _ in range(cells)])
    tokens = Tokens(gene, torch.randint(6, (n * cells,)), torch.arange(0, n * cells + 1, n))
    own = {p.untyped_storage().data_ptr() for p in encoder.parameters()}
    seen = {}

    def pack(x):
        if x.untyped_storage().data_ptr() not in own:
            seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        encoder.embed(tokens, 10**6)
    per_token = sum(seen.values()) / (n + 1) / cells
    assert 0.6 < per_token / bytes_per_token(encoder.config) < 1.6


def test_budget_in_tokens():
    assert keep_tokens(MINI, CPU, 0) == 0
    assert keep_tokens(MINI, CPU, 10 * bytes_per_token(MINI)) == 10
    assert keep_tokens(MINI, CPU, "auto") == (2 << 30) // bytes_per_token(MINI)


def test_chunks():
    assert chunk_tokens(MINI, CPU, "auto") == 8192
    assert chunk_tokens(MINI, CPU, 77) == 77

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import scellm
from scellm.data import Tokens
from tests.conftest import real


def make(lengths):
    n = sum(lengths)
    offsets = torch.tensor([0, *np.cumsum(lengths).tolist()])
    return Tokens(torch.arange(n), torch.arange(n) % 6, offsets, torch.arange(n))


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 300), st.floats(0, 0.9))
def test_cut_covers_every_cell_once_within_budget_and_padding(lengths, budget, padding):
    tokens = make(lengths)
    chunks = list(tokens.cut(budget, padding))
    assert sorted(torch.cat(chunks).tolist() if chunks else []) == list(range(len(lengths)))
    for chunk in chunks:
        n = tokens.lengths[chunk] + 1
        rectangle = int(n.max()) * len(chunk)
        assert len(chunk) == 1 or (rectangle <= budget and int(n.sum()) >= (1 - padding) * rectangle - 1e-9)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_select_and_pad(lengths, data):
    tokens = make(lengths)
    chosen = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=5))
    some = tokens.select(torch.tensor(chosen))
    assert some.lengths.tolist() == [lengths[i] for i in chosen]
    cells = some.pad(1000, 6)
    for row, i in enumerate(chosen):
        n = lengths[i]
        want = tokens.gene[tokens.offsets[i] : tokens.offsets[i + 1]]
        assert cells.gene[row].tolist() == [1000, *want.tolist(), *[1001] * (cells.gene.shape[1] - n - 1)]
        assert cells.target[row].tolist() == [-1, *want.tolist(), *[-1] * (cells.gene.shape[1] - n - 1)]
        if cells.real is not None:
            assert cells.real[row].tolist() == [True] * (n + 1) + [False] * (cells.gene.shape[1] - n - 1)
    assert (cells.real is None) == (len(set(some.lengths.tolist())) == 1)


@pytest.mark.parametrize("name", ["eval/pbmc3k.h5ad", "eval/pancreas_baron_h1.h5ad"])
@pytest.mark.parametrize("cells", [32, 256])
def test_padding_on_real_cells_is_below_five_percent(name, cells):
    adata = real(name)
    scellm.pp.prepare(adata)
    rows = np.random.default_rng(0).permutation(adata.n_obs)[:cells]
    tokens = make(np.diff(adata.layers["celllm_bins"].indptr)[rows].tolist())
    computed = sum(tokens.select(c).pad(10**9, 6).n_tokens for c in tokens.cut(8192))
    needed = int(tokens.lengths.sum()) + cells
    assert 1 - needed / computed < 0.05

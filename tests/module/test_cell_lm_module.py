import pytest
import torch

from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train.objectives._registry import make_heads

SHAPE = {"dim": 16, "depth": 1, "heads": 2, "dim_head": 8, "pooling": "expression", "hashed_dim": 5}


def module(n_types=3, **options):
    torch.manual_seed(0)
    return CellLMModule(make_config("mini", 30, **SHAPE, **options), n_types, make_heads()).eval()


def tokens():
    return Tokens(torch.arange(12), torch.arange(12) % 6, torch.tensor([0, 5, 12]))


def test_calling_it_embeds_a_rectangle():
    made = module()
    torch.testing.assert_close(made(made.cell_encoder.pad(tokens())), made.embed(tokens()), rtol=1e-5, atol=1e-6)


def test_heads_are_those_of_the_objectives():
    made = module()
    assert list(made.heads) == ["masked", "malignancy", "denoise"]
    assert made.heads["masked"].out_features == 8
    assert dict(CellLMModule(make_config("mini", 30, **SHAPE)).heads) == {}


@pytest.mark.parametrize("projector", [0, 12])
def test_the_contrastive_objective_reads_the_learned_dimensions(projector):
    made = module(projector=projector)
    embeddings = made.embed(tokens())
    changed = embeddings.clone()
    changed[:, 16:] += 1
    projected = made.project(embeddings)
    assert projected.shape == (2, 16)
    torch.testing.assert_close(made.project(changed), projected)
    assert torch.equal(projected, embeddings[:, :16]) == (projector == 0)


def test_types():
    assert module().type_logits(module().embed(tokens())).shape == (2, 3)
    with pytest.raises(ValueError, match="labels_key"):
        module(0).type_logits(module().embed(tokens()))

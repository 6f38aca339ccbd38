"""A hostile card allocates nothing, opens nothing, and is refused by name."""

import copy
import json

import jaxtyping
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import scellm
from scellm.weights import fingerprint
from scellm.weights._card import check_card
from tests.conftest import make_adata
from tests.reference.cards import CARD, tensors

SHAPES = {k: tuple(v.shape) for k, v in tensors().items()}


def test_a_sound_card_passes():
    check_card(CARD, SHAPES, "x")


@pytest.mark.parametrize("name", ["dim", "depth", "n_bins", "projector", "gene_dim"])
@pytest.mark.parametrize(
    "value", [10**9, -1, 2.5, "4", True, [4]], ids=["huge", "negative", "half", "text", "bool", "list"]
)
def test_sizes_are_those_of_the_tensors(name, value):
    card = copy.deepcopy(CARD)
    card["model"][name] = value
    with pytest.raises(ValueError, match="x cannot be used: its card says"):
        check_card(card, SHAPES, "x")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["model"].__setitem__("gene_embeddings", "/etc/passwd"), "names a file"),
        (lambda c: c["model"].__setitem__("hashed_dim", 10**9), "hashed_dim"),
        (lambda c: c["binning"].__setitem__("bin_edges", "1,2,3"), "n_bins"),
        (lambda c: c.pop("vocabulary"), r"lacks \["),
        (lambda c: c.__setitem__("binning", []), "lacks"),
    ],
)
def test_other_lies(edit, message):
    card = copy.deepcopy(CARD)
    edit(card)
    with pytest.raises(ValueError, match=message):
        check_card(card, SHAPES, "x")


VALUES = [
    None,
    True,
    -3,
    0,
    1,
    7,
    10**12,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    [],
    {},
    [4],
    "1,nan,3",
    "/etc/passwd",
]


@pytest.fixture
def files(folder):
    path = folder / "weights.safetensors"
    return path, load_file(path), json.loads((folder / "card.json").read_text())


@pytest.mark.slow
def test_two_hundred_mutated_weights(files):
    """Each file is read as a model, or is a ValueError that leaves the data as they were."""
    path, state, card = files
    rng = np.random.default_rng(0)
    refused = 0
    for i in range(200):
        changed = copy.deepcopy(card)
        inner = [changed, changed["model"], changed["binning"]][int(rng.integers(3))]
        inner[sorted(inner)[int(rng.integers(len(inner)))]] = VALUES[int(rng.integers(len(VALUES)))]
        changed["fingerprint"] = fingerprint(state)
        save_file(state, path, metadata={"card": json.dumps(changed)})
        adata = make_adata(3, seed=1) if i % 10 == 0 else None
        before = None if adata is None else (set(adata.uns), set(adata.obs), set(adata.layers))
        try:
            model = scellm.CellLM.from_pretrained(path, adata)
        except (ValueError, jaxtyping.TypeCheckError):  # the latter from the checks of shapes and types in tests
            refused += 1
            assert adata is None or (set(adata.uns), set(adata.obs), set(adata.layers)) == before
            continue
        assert all(bool(p.isfinite().all()) for p in model.module.parameters())
    assert refused > 50

"""A hostile card allocates nothing, opens nothing, and is refused by name."""

import copy
import json

import jaxtyping
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**12),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just("1,nan,3"),
)


@pytest.fixture
def files(folder):
    path = folder / "weights.safetensors"
    return path, load_file(path), json.loads((folder / "card.json").read_text())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_two_hundred_mutated_weights(files, data):
    """Each file gives the same embeddings as the sound one, or is a ValueError, and no data are changed."""
    path, state, card = files
    card = copy.deepcopy(card)
    inner = data.draw(st.sampled_from([card, card["model"], card["binning"]]))
    name = data.draw(st.sampled_from(sorted(inner)))
    inner[name] = data.draw(VALUES)
    card["fingerprint"] = fingerprint(state) if inner is not card or name != "fingerprint" else card["fingerprint"]
    save_file(state, path, metadata={"card": json.dumps(card)})
    adata = make_adata(3, seed=1)
    before = set(adata.uns), set(adata.obs), set(adata.layers)
    try:
        model = scellm.CellLM.from_pretrained(path, adata)
    except (ValueError, jaxtyping.TypeCheckError):  # the latter from the checks of shapes and types in tests
        assert (set(adata.uns), set(adata.obs), set(adata.layers)) == before
        return
    assert model.get_latent_representation().shape[0] == 3

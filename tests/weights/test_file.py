import json

import pytest
import torch
from safetensors.torch import save_file

from scellm.weights import fingerprint, read_card, read_weights, write_weights
from scellm.weights._file import to_storage_dtype
from tests.reference.cards import CARD, tensors


def test_round_trip_with_the_card(tmp_path):
    state = tensors() | {"a": torch.arange(6.0).view(2, 3).T, "b": torch.tensor(3)}
    path = write_weights(tmp_path / "new", state, {**CARD, "name": "x", "format": "of the caller"})
    for given in (path, tmp_path / "new"):
        found, card = read_weights(given)
        assert torch.equal(found["a"], state["a"])
        assert torch.equal(found["b"], state["b"])
        assert card["name"] == "x"
        assert card["format"] == "scellm-weights-2"
    assert read_card(path) == json.loads((tmp_path / "new/card.json").read_text())


def test_what_is_no_weights_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="save_pretrained"):
        read_weights(tmp_path)
    (tmp_path / "page").write_text("<html>")
    with pytest.raises(ValueError, match=r"(?s)is no safetensors file.*from_openbiomed"):
        read_card(tmp_path / "page")
    save_file({"a": torch.zeros(1)}, tmp_path / "other", metadata={"card": json.dumps({"format": "scellm-weights-9"})})
    with pytest.raises(ValueError, match=r"no card of a known format.*scellm-weights-9"):
        read_card(tmp_path / "other")


def test_storage_dtype_is_of_numbers_with_a_point():
    assert to_storage_dtype(torch.ones(2), torch.float16).dtype == torch.float16
    assert to_storage_dtype(torch.arange(2), torch.float16).dtype == torch.int64
    assert to_storage_dtype(torch.ones(2, dtype=torch.bool), torch.bfloat16).dtype == torch.bool


def test_fingerprint_is_of_numbers_and_names_alone():
    state = {"b": torch.arange(3.0), "a": torch.tensor(1), "c": torch.zeros(0)}
    first = fingerprint(state)
    others = (
        {**state, "b": torch.arange(3.0) + 1},
        {"x": state["b"], "a": state["a"]},
        {**state, "b": state["b"].half()},
    )
    assert first not in {fingerprint(other) for other in others}

import json
from importlib.resources import files

import torch
from safetensors import safe_open

import scellm
from scellm.weights import read_weights
from scellm.weights._upgrade import FORMAT, upgrade


def test_names_of_the_first_format():
    old = {
        "encoder.norm.weight": 1,
        "pooling.started": 2,
        "pooling.place": 3,
        "pooling.sketch_weight": 4,
        "pooling.weight": 5,
        "masked_head.bias": 6,
        "origin_head.weight": 7,
        "projector.0.weight": 8,
    }
    state, card = upgrade(old, {"format": "scellm-weights-1", "model": {"sketch": 24, "dim": 8}, "name": "x"})
    assert state == {
        "cell_encoder.encoder.norm.weight": 1,
        "cell_encoder.pooling.initialized": 2,
        "cell_encoder.pooling.hashed_index": 3,
        "cell_encoder.pooling.hashed_weight": 4,
        "cell_encoder.pooling.weight": 5,
        "heads.masked.bias": 6,
        "heads.malignancy.weight": 7,
        "projector.0.weight": 8,
    }
    assert card["model"] == {"hashed_dim": 24, "dim": 8}
    assert card["name"] == "x"


def test_todays_format_is_unchanged():
    state, card = {"pooling.started": 1}, {"format": FORMAT, "model": {"sketch": 1}}
    assert upgrade(state, card) == (state, card)


def test_the_shipped_file_was_written_before_and_loads_with_every_tensor():
    path = files("scellm.weights").joinpath("celllm-mini.safetensors")
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["card"])["format"] == "scellm-weights-1"
        old = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118  it is no dictionary
    assert "origin_head.weight" in old
    new, card = read_weights(path)
    assert len(new) == len(old)
    assert card["model"]["hashed_dim"] == 1920
    module = scellm.CellLM.from_pretrained("celllm-mini").module
    for name, value in module.state_dict().items():
        if name.startswith("heads.denoise."):  # of an objective that came later
            continue
        torch.testing.assert_close(value, new[name].to(value.dtype), rtol=0, atol=0)

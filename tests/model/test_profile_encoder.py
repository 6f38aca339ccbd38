import pytest
import torch

import scellm
from scellm.model._profile_encoder import profile_encoder
from tests.conftest import SMALL


def test_weights_are_copied_and_a_random_encoder_has_others():
    model = scellm.CellLM.without_data(**SMALL)
    module, name, shape = profile_encoder(model, {})
    ours, theirs = module.cell_encoder.state_dict(), model.module.cell_encoder.state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)
    assert "CellLM" in name
    again, _, _ = profile_encoder("random", shape)
    key = "encoder.embedding.bin.weight"
    assert again.cell_encoder.state_dict()[key].shape == ours[key].shape
    assert not torch.equal(again.cell_encoder.state_dict()[key], ours[key])


def test_expression_has_no_encoder():
    assert profile_encoder("expression", {})[0].cell_encoder is None
    with pytest.raises(TypeError, match=r"no options \['dim'\] with encoder='expression'"):
        profile_encoder("expression", {"dim": 3})
    with pytest.raises(ValueError, match="is not a known name, a path or a URL"):
        profile_encoder("no such weights", {})

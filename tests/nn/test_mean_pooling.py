import pytest

import scellm
from tests.conftest import QUIET


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_poolings_of_other_models(prepared, pooling):
    model = scellm.CellLM(prepared, pooling=pooling, dim=16, depth=1, heads=2, dim_head=8)
    model.pretrain(max_steps=1, batch_size=20, **QUIET)
    assert model.get_latent_representation().shape == (60, 16)
    model.train(max_epochs=1, **QUIET)
    with pytest.raises(ValueError, match="pooling='max' is not known"):
        scellm.CellLM(prepared, pooling="max")

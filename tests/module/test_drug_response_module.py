from scellm.module import DrugResponseModule
from scellm.nn import make_config
from tests.conftest import SMALL


def test_heads_are_replaced():
    module = DrugResponseModule(None)
    assert module.cell_encoder is None
    assert module.networks == []
    module.make_heads("solved", 3, 4, 5)
    module.make_heads("additive", 2, 4, 5)
    assert len(module.networks) == 2


def test_an_encoder():
    module = DrugResponseModule(make_config("mini", 100, **SMALL))
    assert module.cell_encoder.config.dim == SMALL["dim"]

import pytest

from scellm.nn import make_config
from scellm.train import BatchObjective, CellObjective, MaskedExpression, TokenObjective
from tests.conftest import SMALL


def test_they_are_abstract():
    with pytest.raises(TypeError, match="abstract"):
        TokenObjective()
    with pytest.raises(TypeError, match="abstract"):
        BatchObjective()
    with pytest.raises(TypeError, match="abstract"):
        CellObjective()


class Labelled(MaskedExpression):
    label = "dose"


def test_by_default_an_objective_needs_its_label():
    config = make_config("mini", 50, **SMALL)
    assert MaskedExpression().unavailable({}, config) is None
    assert Labelled().unavailable({}, config) == "no cell has a label in 'dose'"
    assert Labelled().unavailable({"dose": 0}, config) is not None
    assert Labelled().unavailable({"dose": 3}, config) is None

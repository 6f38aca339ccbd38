import pytest

from scellm.data import SubsampleGenes, Thin
from scellm.data._views import get_view


def test_views_by_name():
    assert get_view("thin") == Thin()
    for bad in ({"low": 20, "high": 70}, {"low": 0.5, "high": 0.2}, {"low": 0.0}):
        with pytest.raises(ValueError, match="a share of the molecules"):
            Thin(**bad)
    with pytest.raises(ValueError, match="a share of the genes"):
        SubsampleGenes(0)
    with pytest.raises(ValueError, match=r"view='blur' is not known"):
        get_view("blur")

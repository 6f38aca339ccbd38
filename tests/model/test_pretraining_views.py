import pytest

from scellm.data import Panels, SplitCounts, Thin, identity
from scellm.model._pretraining_views import pretraining_views
from scellm.train import PretrainingConfig


def views(view, **options):
    return pretraining_views(PretrainingConfig(view=view, **options))


def test_a_paired_view_is_given_twice():
    assert views("panels") == (Panels(), Panels())
    assert views(Panels(0.1, 0.2)) == (Panels(0.1, 0.2),) * 2
    assert views(("thin", "identity")) == (Thin(), identity)
    assert views(SplitCounts(0.7), objectives=("denoise",)) == (SplitCounts(0.7),) * 2


def test_what_does_not_go_together():
    for mixed in (("panels", "thin"), (Thin(), Panels()), (Panels(0.1, 0.2), Panels())):
        with pytest.raises(ValueError, match="cannot be mixed"):
            views(mixed)
    with pytest.raises(ValueError, match="denoise objective needs view='split'"):
        views("panels", objectives=("denoise", "masked"))
    with pytest.raises(ValueError, match="'half' is not known"):
        views("half")

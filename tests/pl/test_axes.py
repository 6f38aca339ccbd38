import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from scellm.pl._axes import axes_or_new, finish

mpl.use("Agg")


@pytest.fixture
def shown(monkeypatch):
    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    return calls


def test_given_axes_are_used():
    ax = plt.subplots()[1]
    assert axes_or_new(ax, (1, 1)) is ax
    assert axes_or_new(None, (3, 2)).figure.get_size_inches().tolist() == [3, 2]
    plt.close("all")


def test_show_is_as_in_scanpy(shown, monkeypatch):
    ax = plt.subplots()[1]
    assert finish(ax, show=False, given=False) is ax
    finish(ax, show=None, given=False)
    assert not shown, "a session that is not interactive does not show figures"
    finish(ax, show=True, given=True)
    assert len(shown) == 1
    monkeypatch.setattr(mpl, "is_interactive", lambda: True)
    finish(ax, show=None, given=False)
    assert len(shown) == 2
    finish(ax, show=None, given=True)
    assert len(shown) == 2
    assert not ax.spines["top"].get_visible()
    plt.close("all")

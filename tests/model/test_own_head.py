import numpy as np

from scellm.model._own_features import joined_features
from scellm.model._own_head import OwnHead, _two_of_same_spread
from scellm.pp import prepare
from scellm.train._solve_head import SolvedHead
from tests.conftest import make_adata


def made():
    adata = make_adata(20)
    prepare(adata)
    rng = np.random.default_rng(0)
    z, p = rng.normal(2, 3, (20, 6)).astype(np.float32), rng.normal(size=(20, 4)).astype(np.float32)
    head = SolvedHead(rng.normal(size=(3, 10)), rng.normal(size=3), 1.0, 1.0, {}, "")
    return adata, z, p, head, OwnHead.of(adata, p, (z, p), head)


def test_logits_are_those_of_the_solved_head():
    adata, z, p, head, own = made()
    rows = np.array([4, 11])
    np.testing.assert_allclose(own.logits(z[rows], rows), head(joined_features(z, p)[rows]), atol=1e-4)
    assert own.places(adata[rows].copy()).tolist() == [4, 11]
    other = make_adata(5, seed=3)
    prepare(other)
    assert own.places(other).tolist() == [-1] * 5


def test_it_goes_to_a_file_and_back():
    _, z, _, _, own = made()
    state = own.to_state() | {"other": None}
    again = OwnHead.from_state(state)
    assert set(state) == {"other"}
    rows = np.arange(3)
    np.testing.assert_array_equal(again.logits(z[rows], rows), own.logits(z[rows], rows))
    assert OwnHead.from_state({}) is None


def test_two_cells_stand_for_all():
    x = np.random.default_rng(0).normal(3, 2, (50, 4))
    two = _two_of_same_spread(x)
    np.testing.assert_allclose(two.mean(0), x.mean(0))
    np.testing.assert_allclose(two.var(0), x.var(0))

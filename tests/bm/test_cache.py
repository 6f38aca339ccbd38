import functools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from scellm import bm
from scellm.bm._cache import Cache, Kept, describe, fingerprint, key_of
from tests.conftest import make_adata
from tests.reference.methods import Majority


def test_an_answer_comes_back(tmp_path):
    cache = Cache(tmp_path / "new")
    table = pd.DataFrame([[0.25, 0.75]], index=["c1"], columns=["a", "b"])
    cache.put("k", Kept(np.array(["b"]), table, 1.5))
    found = cache.get("k")
    assert (found.y_pred.tolist(), found.seconds) == (["b"], 1.5)
    pd.testing.assert_frame_equal(found.table, table)
    assert cache.get("other") is None
    (tmp_path / "new/k.npz").write_bytes(b"PK torn")
    assert cache.get("k") is None
    assert list((tmp_path / "new").glob("*.part")) == []


def test_no_folder_keeps_nothing():
    cache = Cache(None)
    cache.put("k", Kept(np.zeros(1), None, 0.0))
    assert cache.get("k") is None


def test_what_a_method_is_made_of():
    maker = lambda c: lambda: Majority() if c else None
    assert describe(maker(1)) == describe(maker(1))
    assert describe(maker(1)) != describe(maker(2))
    assert describe(lambda: Majority()) != describe(lambda: None)
    assert describe(functools.partial(Majority, a=1)) != describe(functools.partial(Majority, a=2))
    assert describe(Majority).endswith("methods.Majority")
    assert key_of({"a": 1}, "m", Majority) != key_of({"a": 1}, "n", Majority)


def test_any_value_that_a_method_may_read_changes_the_hash():
    adata = make_adata(12)
    known = {fingerprint(adata)}
    assert fingerprint(adata.copy()) in known
    assert fingerprint(make_adata(12, kind=sp.csc_matrix)) in known
    for change in ("x", "obsm", "layers", "names"):
        other = adata.copy()
        if change == "x":
            other.X = other.X * 2
        elif change == "names":
            other.obs_names = [f"n{i}" for i in range(12)]
        else:
            getattr(other, change)["v"] = np.ones((12, 2400 if change == "layers" else 2))
        assert fingerprint(other) not in known
        known.add(fingerprint(other))


class Counting(Majority):
    fits = 0

    def fit(self, *args, **kwargs):
        Counting.fits += 1
        return super().fit(*args, **kwargs)


def test_a_second_run_computes_what_is_new(cells, tmp_path):
    Counting.fits = 0
    task = bm.Task("t", cells, "cell_type", bm.Stratified())
    first = bm.run([task], {"m": Counting}, seeds=2, cache=tmp_path)
    again = bm.run([task], {"m": Counting}, seeds=3, cache=tmp_path)
    assert Counting.fits == 3
    pd.testing.assert_frame_equal(again.table.query("seed < 2").reset_index(drop=True), first.table)
    changed = cells.copy()
    changed.obs["cell_type"] = changed.obs["cell_type"].cat.rename_categories({"type 0": "new"})
    bm.run([bm.Task("t", changed, "cell_type", bm.Stratified())], {"m": Counting}, seeds=1, cache=tmp_path)
    assert Counting.fits == 4
    with pytest.raises(AttributeError):  # probabilities were not kept, so they are asked of the method
        bm.run([task], {"m": Counting}, seeds=1, cache=tmp_path, metrics=["log_loss"])

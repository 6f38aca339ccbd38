from types import SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scellm import bm
from scellm.bm._cache import Cache, Kept, _versions, fingerprint, key_of
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
    whole = (tmp_path / "new/k.npz").read_bytes()
    for torn in (b"PK torn", whole[: len(whole) // 2], whole[:60] + bytes(40) + whole[100:]):
        (tmp_path / "new/k.npz").write_bytes(torn)
        assert cache.get("k") is None
    assert list((tmp_path / "new").glob("*.part")) == []


def test_no_folder_keeps_nothing():
    cache = Cache(None)
    cache.put("k", Kept(np.zeros(1), None, 0.0))
    assert cache.get("k") is None


def test_the_key_has_the_name_and_the_versions():
    assert key_of({"a": 1}, "m", Majority) != key_of({"a": 1}, "n", Majority)
    assert key_of({"a": 1}, "m", Majority) != key_of({"a": 2}, "m", Majority)
    assert any(v.startswith("scikit-learn ") for v in _versions())


def test_any_value_that_a_method_may_read_changes_the_hash():
    adata = make_adata(12)
    adata.layers["p"], adata.layers["q"] = adata.X.copy(), adata.X * 2
    known = {fingerprint(adata)}
    assert fingerprint(adata.copy()) in known

    def swap(a):
        a.layers["p"], a.layers["q"] = a.layers["q"], a.layers["p"]

    changes = {
        "x": lambda a: setattr(a, "X", a.X * 2),
        "obsm": lambda a: a.obsm.update(v=np.ones((12, 2))),
        "names": lambda a: setattr(a, "obs_names", [f"n{i}" for i in range(12)]),
        "obs": lambda a: a.obs.__setitem__("z", 1),
        "var": lambda a: a.var.__setitem__("z", 1),
        "swapped layers": swap,
        "raw": lambda a: setattr(a, "raw", a.copy()),
    }
    for change in changes.values():
        other = adata.copy()
        change(other)
        assert fingerprint(other) not in known
        known.add(fingerprint(other))


def test_data_on_disk(tmp_path, cells):
    cells.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    task = bm.Task("t", backed, "cell_type", bm.Stratified())
    with pytest.raises(ValueError, match=r"need data in memory: adata = adata.to_memory\(\)"):
        bm.run([task], {"m": Majority}, seeds=1, cache=tmp_path / "kept")
    backed.file.close()


FITS = SimpleNamespace(n=0)


class Counting(Majority):
    def fit(self, *args, **kwargs):
        FITS.n += 1
        return super().fit(*args, **kwargs)


def test_a_second_run_computes_what_is_new(cells, tmp_path):
    FITS.n = 0
    task = bm.Task("t", cells, "cell_type", bm.Stratified())
    first = bm.run([task], {"m": Counting}, seeds=2, cache=tmp_path)
    again = bm.run([task], {"m": Counting}, seeds=3, cache=tmp_path)
    assert FITS.n == 3
    pd.testing.assert_frame_equal(again.table.query("seed < 2").reset_index(drop=True), first.table)
    changed = cells.copy()
    changed.obs["cell_type"] = changed.obs["cell_type"].cat.rename_categories({"type 0": "new"})
    bm.run([bm.Task("t", changed, "cell_type", bm.Stratified())], {"m": Counting}, seeds=1, cache=tmp_path)
    assert FITS.n == 4
    with pytest.raises(TypeError, match="'m' has no predict_proba"):
        bm.run([task], {"m": Counting}, seeds=1, cache=tmp_path, metrics=["log_loss"])

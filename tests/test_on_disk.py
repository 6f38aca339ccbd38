import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp
import zarr

from scellm._on_disk import blocks_of, copy_of, is_on_disk, on_disk, rows_between, rows_of

X = np.arange(60.0).reshape(12, 5)


def kinds(tmp_path):
    """The same matrix in every form that stays on disk."""
    file = h5py.File(tmp_path / "x.h5", "w")
    file["x"] = X
    store = zarr.open_group(tmp_path / "x.zarr", mode="w")
    store.create_array("x", data=X)
    found = {"hdf5": file["x"], "zarr": store["x"]}
    try:
        import dask.array as da
    except ImportError:
        return found
    chunks = da.from_array(X, chunks=(4, 5))
    return found | {"dask": chunks, "sparse dask": chunks.map_blocks(sp.csr_matrix)}


def test_rows_are_those_of_the_matrix(tmp_path):
    for kind, x in kinds(tmp_path).items():
        assert is_on_disk(x), kind
        dense = lambda rows: rows.toarray() if sp.issparse(rows) else np.asarray(rows)
        np.testing.assert_array_equal(dense(rows_between(x, 2, 7)), X[2:7])
        np.testing.assert_array_equal(dense(rows_of(x, np.array([0, 3, 11]))), X[[0, 3, 11]])
        np.testing.assert_array_equal(dense(rows_of(x, np.array([], int))), X[[]])


def test_matrices_in_memory_are_not_on_disk():
    for x in (X, sp.csr_matrix(X), sp.csc_array(X)):
        assert not is_on_disk(x)


def test_chunks_of_dask_are_read_once():
    da = pytest.importorskip("dask.array", reason="needs the extra stream")
    x = da.concatenate([da.from_array(X, chunks=(5, 5)), da.from_array(X, chunks=(8, 5))])
    assert list(blocks_of(x)) == [(0, 5), (5, 10), (10, 12), (12, 20), (20, 24)]


def test_blocks_cover_all_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("scellm._on_disk._DENSE_VALUES", 20)
    for kind, x in kinds(tmp_path).items():
        bounds = list(blocks_of(x))
        assert bounds[0][0] == 0, kind
        assert bounds[-1][1] == len(X), kind
        assert [b[0] for b in bounds[1:]] == [b[1] for b in bounds[:-1]], kind


def test_copies_share_nothing_and_are_in_memory(tmp_path):
    for kind, x in kinds(tmp_path).items():
        adata = ad.AnnData(x, obsm={"a": np.zeros((12, 2))}, uns={"k": np.zeros(3)}, layers={"l": x})
        assert on_disk(adata), kind
        copied = copy_of(adata)
        copied.obsm["a"][:] = 5
        copied.uns["k"][:] = 5
        assert adata.obsm["a"].sum() == adata.uns["k"].sum() == 0, kind
        assert not on_disk(copied), kind
        dense = lambda m: m.toarray() if sp.issparse(m) else m
        np.testing.assert_array_equal(dense(copied.X), X)
        np.testing.assert_array_equal(dense(copied.layers["l"]), X)
    assert not on_disk(ad.AnnData(X))
    assert not on_disk(ad.AnnData(obs={"a": [1, 2]}))

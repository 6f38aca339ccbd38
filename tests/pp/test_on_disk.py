import h5py
import numpy as np
import pytest
import scipy.sparse as sp
import zarr

from scellm.pp._on_disk import is_on_disk, rows_at_once, rows_between, rows_of

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


def test_a_chunk_of_dask_is_read_at_once():
    da = pytest.importorskip("dask.array", reason="needs the extra stream")
    assert rows_at_once(da.from_array(X, chunks=(4, 5))) == 4

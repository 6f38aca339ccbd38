import numpy as np
import pytest
import scipy.sparse as sp

import scellm
from scellm.pp._numbers import as_numbers, check_structure
from tests.conftest import make_adata
from tests.reference.bins import by_vocabulary


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64, bool, np.float16, ">f4", object])
def test_dtypes_are_made_wide_enough(dtype):
    values = np.array([0, 1, 1]).astype(dtype)
    found = as_numbers(values, "X")
    assert found.dtype in (np.float32, np.float64)
    assert found.dtype.isnative
    assert found.tolist() == [0, 1, 1]


def test_floats_are_not_copied():
    values = np.ones(3, np.float32)
    assert as_numbers(values, "X") is values


@pytest.mark.parametrize("values", [np.array([1j]), np.array(["a"], object), np.array(["x"])])
def test_what_is_no_number(values):
    with pytest.raises(ValueError, match=r"adata.X holds values of dtype .* no real numbers"):
        as_numbers(values, "X")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_two_columns_of_one_gene_do_not_overflow(dtype):
    adata = make_adata()
    counts = np.minimum(adata.X.toarray(), 100)
    counts[:, 0], counts[:, 1] = 100, 90
    adata.var_names = [adata.var_names[0], f"{adata.var_names[0]}-1", *adata.var_names[2:]]
    adata.X = counts.astype(np.float64)
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    adata.X = counts.astype(dtype)
    scellm.pp.prepare(adata)
    assert (by_vocabulary(adata) != want).nnz == 0


def broken(edit):
    x = sp.random(6, 9, 0.5, format="csr", random_state=0)
    edit(x)
    return x


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda x: x.indices.__setitem__(3, -1), "indices go from -1"),
        (lambda x: x.indices.__setitem__(3, 9), "indices go from 0 to 9, with 9 places"),
        (lambda x: x.indptr.__setitem__(0, 2), "offsets start at 2"),
        (lambda x: x.indptr.__setitem__(2, 40), "offsets fall"),
        (lambda x: x.indptr.__setitem__(-1, x.indptr[-1] - 1), "offsets end at"),
    ],
)
def test_damaged_sparse_matrices(edit, message):
    with pytest.raises(ValueError, match=f"adata.X is a damaged sparse matrix: {message}"):
        check_structure(broken(edit), "adata.X")


def test_a_sound_matrix_passes():
    check_structure(sp.random(6, 9, 0.5, format="csr"), "x")
    check_structure(sp.random(6, 9, 0.5, format="csc"), "x")
    check_structure(sp.csr_matrix((0, 4)), "x")

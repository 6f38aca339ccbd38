import numpy as np
import pandas as pd
import pytest

from scellm._inputs import cell_positions, own_entries, require_anndata
from tests.conftest import make_adata

NAMES = pd.Index(["a", "b", "c", "d"])


class Modalities:
    """What a MuData looks like to us."""

    mod = {"prot": 1, "rna": 2}  # noqa: RUF012  as in MuData


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Modalities(), r"found Modalities.*\['prot', 'rna'\].*adata=adata\['rna'\]"),
        ("cells.h5ad", r"found str.*anndata.read_h5ad\('cells.h5ad'\)"),
        (pd.DataFrame(), "found DataFrame.*cells in rows"),
        (np.zeros((2, 2)), "found ndarray.*cells in rows"),
        (type("Model", (), {"predict": 1})(), "found Model.*swapped"),
        (3, "found int"),
    ],
)
def test_what_is_no_anndata(given, message):
    with pytest.raises(TypeError, match=f"scellm.pp.prepare takes an AnnData as adata; {message}"):
        require_anndata(given, "scellm.pp.prepare")


def test_an_anndata_is_returned():
    adata = make_adata(4)
    assert require_anndata(adata, "call") is adata


@pytest.mark.parametrize(
    ("indices", "want"),
    [
        (None, [0, 1, 2, 3]),
        ([2, 0, 2], [2, 0, 2]),
        ([-1], [3]),
        (slice(1, 3), [1, 2]),
        (range(2), [0, 1]),
        ([True, False, False, True], [0, 3]),
        (np.array([False, True, False, False]), [1]),
        (pd.Series([True, False, True, False], index=NAMES).astype("boolean"), [0, 2]),
        (["d", "a"], [3, 0]),
        (pd.Index(["b"]), [1]),
        (np.array([1.0, 2.0]), [1, 2]),
        ([], []),
        (np.zeros(0), []),
        (2, [2]),
    ],
)
def test_cells_by_position_mask_or_name(indices, want):
    found = cell_positions(indices, NAMES)
    assert found.dtype == np.int64
    assert found.tolist() == want


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([1.5], ValueError, "1.5, which is no whole number"),
        ([4], IndexError, "hold 4; there are 4 cells"),
        ([-5], IndexError, "hold -5"),
        ([True, False], ValueError, "mask of 2 values; there are 4"),
        (["a", "x"], KeyError, r"such as \['x'\]"),
        ([None, 1], ValueError, "missing values"),
        ([{}], ValueError, "expected whole numbers"),
    ],
)
def test_bad_indices(indices, error, message):
    with pytest.raises(error, match=message):
        cell_positions(indices, NAMES)


def test_names_that_are_there_twice():
    with pytest.raises(KeyError, match="several times"):
        cell_positions(["a"], pd.Index(["a", "a"]))
    assert cell_positions(["b"], pd.Index(["a", "a", "b"])).tolist() == [2]


def test_entries_of_others_are_not_overwritten():
    adata = make_adata(4)
    assert own_entries(adata, "celllm") == {}
    adata.uns["celllm"] = "mine"
    with pytest.raises(ValueError, match="holds a str that is not scellm's"):
        own_entries(adata, "celllm")

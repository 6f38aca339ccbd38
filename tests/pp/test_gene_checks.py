import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import scellm
from scellm.pp._gene_checks import selection
from tests.conftest import make_adata


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda a: a.var.insert(0, "highly_variable", True), "is true for all"),
        (lambda a: a.var.insert(0, "dispersions_norm", 1.0), "'dispersions_norm'"),
        (lambda a: a.uns.__setitem__("hvg", {"flavor": "seurat"}), "'hvg'"),
    ],
)
def test_selected_genes_are_seen_and_said(edit, why):
    adata = make_adata()
    edit(adata)
    with pytest.warns(UserWarning, match=f"genes seem to be a selection.*{why}"):
        scellm.pp.prepare(adata)
    assert selection(adata, 2400, panel=True) == ""
    assert selection(adata, 20_000, panel=False) == ""


def test_a_round_number_of_genes():
    assert "round" in selection(make_adata(4), 3000, panel=False)
    assert selection(make_adata(4), 3001, panel=False) == ""


def test_genes_in_rows():
    with pytest.raises(ValueError, match=r"genes seem to be in the rows.*adata.T"):
        scellm.pp.prepare(make_adata().T.copy())


def test_cells_of_another_species_are_counted():
    adata = make_adata(40)
    mouse = sp.csr_matrix(np.where(np.arange(40)[:, None] < 3, 60.0, 0.0) * np.ones((1, 8)))
    both = type(adata)(
        sp.hstack([adata.X, mouse]).tocsr(),
        obs=adata.obs,
        var=pd.DataFrame(index=[*adata.var_names, *[f"mm10___Gene{i}" for i in range(8)]]),
    )
    with pytest.warns(UserWarning, match=r"In 3 of 40 cells, such as \['cell0', 'cell1', 'cell2'\].*less than 50%"):
        scellm.pp.prepare(both, min_counts=0.5)


def test_no_cells():
    with pytest.raises(ValueError, match="no cells"):
        scellm.pp.prepare(make_adata()[:0].copy())

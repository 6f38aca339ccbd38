import numpy as np
import pandas as pd
import pytest

import scellm


def small():
    names = ["CD3E", "CD3D", "CD3G", "MS4A1", "CD79A", "LYZ"]
    values = [[1, 0, 0.0], [1, 0.1, 0], [1, 0.5, 0], [0, 1, 0], [0, 1, 0.1], [np.nan] * 3]
    return pd.DataFrame(values, index=names)


def test_gene_neighbors():
    found = scellm.tl.gene_neighbors(small(), ["CD3E", "ENSG00000156738"], n_neighbors=2)
    assert list(found["gene"]) == ["CD3E"] * 2 + ["MS4A1"] * 2
    assert list(found["neighbor"]) == ["CD3D", "CD3G", "CD79A", "CD3G"]
    assert (np.diff(found["similarity"])[[0, 2]] < 0).all()
    v = small().dropna().to_numpy()
    v = v - v.mean(0)
    expected = v[0] @ v[1] / np.linalg.norm(v[0]) / np.linalg.norm(v[1])
    assert found["similarity"][0] == pytest.approx(expected)
    assert len(scellm.tl.gene_neighbors(small(), "CD3E", n_neighbors=99)) == 4


def test_gene_neighbors_of_a_model(model):
    assert len(scellm.tl.gene_neighbors(model, "CD3E")) == 10


def test_genes_without_a_vector():
    with pytest.raises(KeyError, match=r"\['LYZ'\] have no embedding; 5 genes have one"):
        scellm.tl.gene_neighbors(small(), ["CD3E", "LYZ"])
    with pytest.raises(KeyError, match="nonsense"):
        scellm.tl.gene_neighbors(small(), "nonsense")

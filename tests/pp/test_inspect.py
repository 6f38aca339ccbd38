import numpy as np
import pytest
import scanpy as sc

import scellm
from tests.conftest import make_adata


def test_a_table_of_every_matrix_changes_nothing():
    adata = make_adata()
    counts = adata.X.copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    adata.layers["counts"] = counts
    adata.layers["mask"] = counts > 0
    adata.raw = adata
    adata.X = sc.pp.scale(adata.X.toarray())
    before = (set(adata.layers), set(adata.uns), list(adata.var), list(adata.obs), set(adata.obsm))
    found = scellm.pp.inspect(adata)
    assert (set(adata.layers), set(adata.uns), list(adata.var), list(adata.obs), set(adata.obsm)) == before
    assert found.matrices["holds"].to_dict() == {
        "layers/counts": "counts",
        "X": "not usable",
        "layers/mask": "counts",
        "raw": "log1p",
    }
    assert found.matrices.index[found.matrices["read"]].tolist() == ["layers/counts"]
    assert found.matrices.loc["X", "verdict"] == "cannot be read"
    assert "less certain than layers/counts" in found.matrices.loc["layers/mask", "verdict"]
    assert found.genes["genes known"] == 2400
    scellm.pp.prepare(adata)
    assert adata.uns["celllm"]["prepare"]["matrix"] == "layers/counts"


def test_it_prints_and_shows_in_a_notebook():
    adata = make_adata()
    adata.var_names = [f"<b>{i}" for i in range(adata.n_vars)]
    found = scellm.pp.inspect(adata)
    assert "every value is a whole number" in repr(found)
    page = found._repr_html_()
    assert page.count("<table") == 2
    assert "<b>0" not in page


def test_what_prepare_would_refuse_or_guess_is_a_note():
    adata = make_adata()
    adata.X = adata.X.toarray() - 0.5
    assert any("prepare would raise an error" in n for n in scellm.pp.inspect(adata).notes)
    mouse = make_adata()
    mouse.var_names = [n.capitalize() for n in mouse.var_names]
    assert any("mouse" in n for n in scellm.pp.inspect(mouse).notes)
    part = make_adata(n_vars=2500)
    part.var["highly_variable"] = np.ones(2500, bool)
    assert any("seem to be a selection" in n for n in scellm.pp.inspect(part).notes)


def test_bad_arguments():
    with pytest.raises(TypeError, match="takes an AnnData"):
        scellm.pp.inspect("a.h5ad")
    with pytest.raises(KeyError, match="var_column='x'"):
        scellm.pp.inspect(make_adata(), var_column="x")

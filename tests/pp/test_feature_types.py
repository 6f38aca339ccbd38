import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import scellm
from scellm.pp._feature_types import Features
from tests.conftest import make_adata
from tests.reference.bins import by_vocabulary, report


@pytest.mark.parametrize("column", ["feature_types", "Feature_Type", "modality", "feature_biotype"])
def test_a_column_says_what_is_a_gene(column):
    words = pd.Series(["Gene Expression", "gene", "Antibody Capture", "Peaks", np.nan], index=list("abcde"))
    found = Features.of(pd.DataFrame({column: words}))
    assert found.is_gene.tolist() == [True, True, False, False, True]
    assert found.left_out == {"Antibody Capture": 1, "Peaks": 1}
    assert found.guess == ""


def test_other_words_for_genes_leave_nothing_out():
    assert Features.of(pd.DataFrame({"feature_type": ["gene", "lncRNA", "mito"]}, index=list("abc"))).is_gene.all()


def test_a_column_without_genes_says_nothing():
    assert Features.of(pd.DataFrame({"type": ["a", "b"]}, index=["CD4", "CD8A"])).is_gene.all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("AB_CD4", "antibodies"),
        ("CD4-TotalSeqB", "antibodies"),
        ("ADT_CD4", "antibodies"),
        ("HTO_1", "hashtags"),
        ("Hashtag1_TotalA", "hashtags"),
        ("chr1:100-2000", "peaks"),
        ("1_100_2000", "peaks"),
        ("sgB2M-1", "guides"),
        ("non-targeting-3", "guides"),
        ("ERCC-00002", "spike-ins"),
        ("ercc_00002", "spike-ins"),
        ("TP53_sg1", "guides"),
    ],
)
def test_names_that_no_gene_has(name, kind):
    found = Features.of(pd.DataFrame(index=["CD4", "LMO2", "SGK1", name]))
    assert found.is_gene.tolist() == [True, True, True, False]
    assert found.left_out == {kind: 1}
    assert (found.guess != "") == (kind != "spike-ins")


def test_no_gene_of_the_vocabulary_is_left_out():
    names = scellm.genes.load_vocabulary().symbols
    assert Features.of(pd.DataFrame(index=names)).is_gene.all()


@pytest.mark.parametrize("stated", [True, False])
def test_antibodies_are_no_genes_and_are_not_in_the_total(stated):
    adata = make_adata()
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    proteins = [f"AB_{name}" for name in adata.var_names[:5]] if not stated else [f"{n}-1" for n in adata.var_names[:5]]
    counts = sp.hstack([adata.X, np.full((60, 5), 80.0)]).tocsr()
    var = pd.DataFrame(index=[*adata.var_names, *proteins])
    if stated:
        var["feature_types"] = ["Gene Expression"] * adata.n_vars + ["Antibody Capture"] * 5
    cite = type(adata)(counts, obs=adata.obs, var=var)
    if stated:
        scellm.pp.prepare(cite)
    else:
        with pytest.warns(UserWarning, match="5 antibodies are no genes"):
            scellm.pp.prepare(cite)
    assert (by_vocabulary(cite) != want).nnz == 0
    assert report(cite)["not_genes"] == 5

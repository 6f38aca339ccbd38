import numpy as np
import pandas as pd
import pytest

from scellm.genes import load_vocabulary
from scellm.genes._match import match_genes, match_names

V = load_vocabulary()


def symbol(name):
    at = match_names(pd.Index([name]), V).ids[0]
    return None if at < 0 else V.symbols[at]


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("CD3E", "CD3E"),
        ("cd3e", "CD3E"),
        (" CD3E ", "CD3E"),
        ("ENSG00000198851", "CD3E"),
        ("ENSG00000198851.9", "CD3E"),
        ("HGNC:1674", "CD3E"),
        ("GRCh38_CD3E", "CD3E"),
        ("GRCh38_______CD3E", "CD3E"),
        ("hg19_ENSG00000198851", "CD3E"),
        ("SEPT2", "SEPTIN2"),
        ("C1ORF112", "FIRRM" if "FIRRM" in V.symbols else "C1orf112"),
        ("NKX2-1", "NKX2-1"),
        ("NKX2-999", None),
        ("MALAT1", None),
        ("not a gene", None),
        ("", None),
    ],
)
def test_names(name, want):
    assert symbol(name) == want


def test_made_unique_only_where_the_first_is_there():
    ids = match_names(pd.Index(["HSPA14", "HSPA14-1", "CD3E-1"]), V).ids
    assert ids[0] == ids[1]
    assert ids[2] == -1


def test_column_of_var_that_fits_better():
    var = pd.DataFrame({"note": ["a", "b", "c"], "symbol": ["CD3E", "CD4", "CD8A"]}, index=["g1", "g2", "g3"])
    match = match_genes(var, V)
    assert match.column == "symbol"
    assert list(V.symbols[match.ids]) == ["CD3E", "CD4", "CD8A"]
    assert match_genes(var.set_index("symbol", drop=False), V).column == "var_names"


def test_column_that_is_not_there():
    with pytest.raises(KeyError, match=r"var_column='x' is not in adata.var, which holds \['symbol'\]"):
        match_genes(pd.DataFrame({"symbol": ["CD3E"]}), V, "x")


@pytest.mark.parametrize(
    "names", [["Cd3e", "Cd4", "Cd8a", "Ptprc"], ["ENSMUSG00000032093", "ENSMUSG00000023274", "ENSMUSG00000053977"]]
)
def test_mouse_is_refused(names):
    with pytest.raises(ValueError, match=r"human genes.*orthologs"):
        match_genes(pd.DataFrame(index=names), V)


def test_lower_case_human_and_lone_title_case_are_not_mouse():
    assert match_genes(pd.DataFrame(index=["cd3e", "cd4"]), V).n_matched == 2
    assert match_genes(pd.DataFrame(index=["CD3E", "CD4", "CD8A", "Ptprc"]), V).n_matched == 4


def test_counts_by_kind():
    match = match_names(pd.Index(["CD3E", "ENSG00000010610", "SEPT2", "not-a-gene"]), V)
    assert match.counts() == {"symbol": 1, "ensembl": 1, "previous": 1, "unknown": 1}
    assert np.array_equal(match.known, [True, True, True, False])

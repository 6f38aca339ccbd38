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


def test_columns_that_name_other_genes_are_said():
    names = V.symbols[:3000]
    var = pd.DataFrame({"ensembl": V.table["ensembl_id"].fillna("x")[:3000].to_numpy()[::-1]}, index=names)
    assert "name different genes" in match_genes(var, V).guess
    var["ensembl"] = var["ensembl"].to_numpy()[::-1]
    assert match_genes(var, V).guess == ""


def test_unknown_names_are_filled_from_other_columns():
    var = pd.DataFrame({"id": ["ENSG00000198851", "ENSG00000010610", "x"]}, index=["my CD3E", "CD4", "CD8A"])
    match = match_genes(var, V)
    assert list(V.symbols[match.ids]) == ["CD3E", "CD4", "CD8A"]
    assert match.filled == {"id": 1}
    assert match_genes(var, V, "var_names").n_matched == 2


def test_an_id_overrules_an_alias():
    table = V.table.set_index("symbol")["ensembl_id"]
    alias = V.names["alias"].index[0]
    other = "CD3E" if V.symbols[V.names["alias"].iloc[0]] != "CD3E" else "CD4"
    match = match_genes(pd.DataFrame({"id": [table[other], table["CD19"]]}, index=[alias, "CD19"]), V)
    assert V.symbols[match.ids[0]] == other


def test_other_species_by_any_column():
    upper = pd.DataFrame({"gene_ids": [f"ENSMUSG{i:011d}" for i in range(3)]}, index=["CD3E", "CD4", "CD8A"])
    with pytest.raises(ValueError, match="in gene_ids"):
        match_genes(upper, V)
    assert match_genes(upper.rename(columns={"gene_ids": "mouse_ortholog"}), V).n_matched == 3
    assert match_genes(upper, V, "var_names").n_matched == 3


def test_lists_and_descriptions_are_passed_over():
    names = list(V.symbols[:40])
    var = pd.DataFrame({"alias": [["a", "b"]] * 40, "text": [f"{n}; a protein" for n in names[::-1]]}, index=names)
    match = match_genes(var, V)
    assert list(V.symbols[match.ids]) == names

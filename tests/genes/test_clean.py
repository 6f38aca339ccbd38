import pandas as pd
import pytest

from scellm.genes import load_vocabulary
from scellm.genes._clean import plain
from scellm.genes._match import match_names

V = load_vocabulary()


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("HLA.DRA", "HLA-DRA"),
        ("NKX2.1", "NKX2-1"),
        ("MT.CO1", "MT-CO1"),
        ("2-Sep", "SEPTIN2"),
        ("Sep-02", "SEPTIN2"),
        ("02-Sep", "SEPTIN2"),
        ("7-Mar", "MARCHF7"),
        ("2021-09-07", "SEPTIN7"),
        ("2021-09-07 00:00:00", "SEPTIN7"),
        ("1-Mar", None),  # MARCH1 or MARC1: nobody can say
        ("ENSG00000198851.14_PAR_Y", "CD3E"),
        ("ENSG00000198851_PAR_Y", "CD3E"),
        ("GRCh38-CD3E", "CD3E"),
        ("GRCh38premrna_CD3E", "CD3E"),
        ("GRCh38-2020-A_CD3E", "CD3E"),
        ("hg38_CD3E", "CD3E"),
        ("human_CD3E", "CD3E"),
        ("hsa-CD3E", "CD3E"),
        ("ENSG00000198851|CD3E", "CD3E"),
        ("CD3E_ENSG00000198851.3", "CD3E"),
        ("CD3E (916)", "CD3E"),
        ("CD3E|a00001", "CD3E"),
        ("AL627309.1|CD3E", "CD3E"),
        ("mm10_Cd3e", None),
        ("RP11-34P13.7", None),
        ("Sepsis", None),
    ],
)
def test_names_that_other_programs_changed(name, symbol):
    found = match_names(pd.Index([name]), V).ids[0]
    assert (None if found < 0 else V.symbols[found]) == symbol


def test_no_symbol_of_the_vocabulary_is_changed():
    """A name that is a gene is never taken for a mangled form of another."""
    match = match_names(V.symbols, V)
    assert (match.ids == range(len(V))).all()
    assert (plain(V.symbols) == V.symbols).all()

import pandas as pd

from scellm.genes import load_vocabulary


def test_is_the_committed_list():
    v = load_vocabulary()
    assert len(v) == 19225
    assert v.sha256 == "2b43ad6b43044727c37206ee6e45bd807f7027bd21d421f2036de05aa1583686"
    assert v.symbols.is_unique
    assert v.symbols.is_monotonic_increasing


def test_no_previous_symbol_or_alias_is_an_approved_symbol_or_points_to_two_genes():
    v = load_vocabulary()
    upper = set(v.symbols.str.upper())
    for kind in ("previous", "alias"):
        names = v.names[kind]
        assert names.index.is_unique
        assert not upper & set(names.index)
    assert not set(v.names["previous"].index) & set(v.names["alias"].index)


def test_known_genes_by_every_name():
    v = load_vocabulary()
    cd3e = v.symbols.get_loc("CD3E")
    assert v.names["ensembl"]["ENSG00000198851"] == cd3e
    assert v.names["hgnc"]["HGNC:1674"] == cd3e
    assert v.symbols[v.names["previous"]["SEPT2"]] == "SEPTIN2"
    assert isinstance(v.table, pd.DataFrame)
    assert "19,225" in repr(v)

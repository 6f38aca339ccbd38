import numpy as np
import pandas as pd
import pytest

from scellm.train.graphmae import read_network


def test_a_table(table, network):
    found = read_network(table)
    np.testing.assert_array_equal(found.genes, network.genes)
    np.testing.assert_array_equal(np.unique(found.pairs, axis=1), np.unique(network.pairs, axis=1))
    assert list(found.symbols[:1]) == [table["a"].min()]
    assert found.adjacency().shape == (60, 60)
    assert abs(found.adjacency() - found.adjacency().T).nnz == 0


def test_edges_have_both_directions_and_a_loop_at_every_gene(network):
    edges = network.edges()
    assert edges.shape == (2, 2 * network.pairs.shape[1] + 60)
    dense = np.zeros((60, 60))
    np.add.at(dense, tuple(edges), 1)
    np.testing.assert_array_equal(dense, network.adjacency().toarray() + np.eye(60))


def test_any_identifiers_and_any_order_of_columns(table, symbols):
    ids = pd.Series(dict(zip(symbols, _ensembl(), strict=True)))
    mixed = pd.DataFrame({"weight": 1, "to": table["b"].map(ids) + ".7", "from": "GRCh38_" + table["a"]})
    other = read_network(mixed)
    np.testing.assert_array_equal(other.genes, read_network(table).genes)
    assert other.pairs.shape == read_network(table).pairs.shape


def _ensembl():
    import scellm

    return scellm.genes.load_vocabulary().table["ensembl_id"]


def test_loops_repeats_and_directions_count_once(table):
    more = pd.concat([table, table, table.rename(columns={"a": "b", "b": "a"}), table.assign(b=table["a"])])
    found = read_network(more)
    assert found.pairs.shape[1] == len(table)
    assert found.report["self_loops"] == len(table)
    assert found.report["repeated_or_reversed"] == 2 * len(table)


def test_isolated_and_unknown_genes_are_dropped_and_counted(table, symbols):
    more = pd.concat(
        [table, pd.DataFrame({"a": [symbols[0], "nonsense"], "b": ["nonsense", symbols[101]], "score": 900})]
    )
    more = pd.concat([more, pd.DataFrame({"a": [symbols[1]], "b": [symbols[1]], "score": 900})])
    found = read_network(more)
    np.testing.assert_array_equal(found.genes, np.arange(100, 160))
    assert found.report["unknown_genes"] == 1
    assert found.report["edges_of_unknown_genes"] == 2
    assert found.report["isolated_genes"] == 2


def test_mostly_unknown_names_are_refused(table):
    protein = table.assign(
        a=[f"9606.ENSP{i:011d}" for i in range(len(table))], b=[f"9606.ENSP{i + 9000:011d}" for i in range(len(table))]
    )
    with pytest.raises(ValueError, match=r"0 of the network's .* genes are known.*preferred_name"):
        read_network(protein)


def test_another_species_is_refused(table):
    with pytest.raises(ValueError, match="human orthologs"):
        read_network(table.assign(a=table["a"].str.capitalize(), b=table["b"].str.capitalize()))
    mouse = [f"ENSMUSG{i:011d}" for i in range(len(table))]
    with pytest.raises(ValueError, match="another species"):
        read_network(table.assign(a=mouse, b=mouse[::-1]))


def test_three_genes_are_no_network(symbols):
    with pytest.raises(ValueError, match="3 genes with a pair; expected at least 10"):
        read_network(pd.DataFrame({"a": symbols[[0, 1]], "b": symbols[[1, 2]]}))
    with pytest.raises(ValueError, match="0 of the network's 0 genes"):
        read_network(pd.DataFrame({"a": pd.Series([], dtype=str), "b": pd.Series([], dtype=str)}))

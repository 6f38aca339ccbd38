"""Networks from tables, files and graphs, and everything that may be wrong with them."""

import numpy as np
import pandas as pd
import pytest

from scellm.train.graphmae import load_example_network, read_network


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

    return scellm.pp.load_vocabulary().table["ensembl_id"]


def test_loops_repeats_and_directions_count_once(table):
    more = pd.concat([table, table, table.rename(columns={"a": "b", "b": "a"}), table.assign(b=table["a"])])
    found = read_network(more)
    assert found.pairs.shape[1] == len(table)
    assert found.report["self_loops"] == len(table)
    assert found.report["repeated_or_reversed"] == 2 * len(table)


def test_scores(table):
    table = table.assign(score=np.linspace(0, 999, len(table)))
    table.loc[3, "score"] = np.nan
    found = read_network(table, min_score=500)
    assert found.pairs.shape[1] == (table["score"] >= 500).sum()
    assert found.report["edges_without_score"] == 1
    assert found.report["edges_below_min_score"] == (table["score"] < 500).sum()
    assert read_network(table).pairs.shape[1] == len(table), "without min_score no score is needed"
    with pytest.raises(ValueError, match=r"must not be negative; found \[-1"):
        read_network(table.assign(score=-1.0))
    with pytest.raises(KeyError, match=r"confidence.*is not in the table"):
        read_network(table, score="confidence")
    with pytest.raises(KeyError, match="needs a column of scores"):
        read_network(table[["a", "b"]], min_score=1)


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


def test_columns_must_be_clear(table):
    with pytest.raises(ValueError, match=r"two columns must hold them.*columns="):
        read_network(table.assign(c=table["a"]))
    assert read_network(table.assign(c=table["a"]), columns=("a", "b")).pairs.shape[1] == len(table)
    with pytest.raises(ValueError, match="two columns"):
        read_network(table, columns=("a", "b", "score"))
    with pytest.raises(KeyError, match="'x' is not in the table"):
        read_network(table, columns=("a", "x"))


def test_three_genes_are_no_network(symbols):
    with pytest.raises(ValueError, match="3 genes with a pair; expected at least 10"):
        read_network(pd.DataFrame({"a": symbols[[0, 1]], "b": symbols[[1, 2]]}))
    with pytest.raises(ValueError, match="0 of the network's 0 genes"):
        read_network(pd.DataFrame({"a": pd.Series([], dtype=str), "b": pd.Series([], dtype=str)}))


def test_files(table, tmp_path):
    expected = read_network(table).pairs
    table.to_csv(tmp_path / "n.csv.gz", index=False)
    table.to_csv(tmp_path / "n.tsv", index=False, sep="\t")
    table.to_csv(tmp_path / "n.txt", index=False, sep=" ")
    for name in ("n.csv.gz", "n.tsv", "n.txt"):
        np.testing.assert_array_equal(read_network(tmp_path / name).pairs, expected)
    with pytest.raises(FileNotFoundError):
        read_network(tmp_path / "none.csv")


def test_what_is_no_network(table):
    with pytest.raises(TypeError, match="found list"):
        read_network([1, 2])


def test_pyg_data(table, network, symbols):
    pyg = pytest.importorskip(
        "torch_geometric.data", reason="torch_geometric is not installed: pip install 'scellm[graph]'"
    )
    torch = pytest.importorskip("torch")
    names = list(symbols[100:160])
    data = pyg.Data(edge_index=torch.as_tensor(network.pairs), num_nodes=60)
    np.testing.assert_array_equal(
        np.unique(read_network(data, names=names).pairs, axis=1), np.unique(network.pairs, axis=1)
    )
    data.names = names
    assert read_network(data).pairs.shape == network.pairs.shape
    with pytest.raises(ValueError, match="a name for each of its 60 nodes; found 2"):
        read_network(data, names=names[:2])
    with pytest.raises(ValueError, match="min_score works on a table"):
        read_network(data, min_score=1)


def test_dgl_graph(network, symbols):
    dgl = pytest.importorskip("dgl", reason="dgl is not installed: pip install 'scellm[dgl]' on Python 3.11")
    torch = pytest.importorskip("torch")
    graph = dgl.graph((torch.as_tensor(network.pairs[1]), torch.as_tensor(network.pairs[0])), num_nodes=60)
    np.testing.assert_array_equal(
        np.unique(read_network(graph, names=list(symbols[100:160])).pairs, axis=1), np.unique(network.pairs, axis=1)
    )
    with pytest.raises(ValueError, match=r"found none\. Pass names="):
        read_network(graph)


def test_the_example_network():
    table = load_example_network()
    found = read_network(table, columns=("a", "b"), min_score=700)
    assert len(found.genes) > 500
    assert set(table["group_a"]) == set(table["group_b"])
    assert (table["group_a"] == table["group_b"]).mean() > 0.7

import numpy as np
import pytest

from scellm.train.graphmae import read_network


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


def test_columns_must_be_clear(table):
    with pytest.raises(ValueError, match=r"two columns must hold them.*columns="):
        read_network(table.assign(c=table["a"]))
    assert read_network(table.assign(c=table["a"]), columns=("a", "b")).pairs.shape[1] == len(table)
    with pytest.raises(ValueError, match="two columns"):
        read_network(table, columns=("a", "b", "score"))
    with pytest.raises(KeyError, match="'x' is not in the table"):
        read_network(table, columns=("a", "x"))


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

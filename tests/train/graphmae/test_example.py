from scellm.train.graphmae import load_example_network, read_network


def test_the_example_network():
    table = load_example_network()
    found = read_network(table, columns=("a", "b"), min_score=700)
    assert len(found.genes) > 500
    assert set(table["group_a"]) == set(table["group_b"])
    assert (table["group_a"] == table["group_b"]).mean() > 0.7

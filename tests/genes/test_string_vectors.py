import scellm


def test_bundled_vectors():
    vectors = scellm.genes.load_string_vectors()
    assert vectors.shape == (19225, 128)
    assert "CC BY 4.0" in vectors.attrs["card"]["licence"]
    there = vectors.notna().all(axis=1)
    assert 10_000 < there.sum() < 19_000
    assert there.equals(vectors.notna().any(axis=1))
    near = scellm.tl.gene_neighbors(vectors, "PSMA1", n_neighbors=10)["neighbor"]
    assert near.str.startswith("PSM").mean() >= 0.5
    vectors.iloc[0] = 0
    assert not (scellm.genes.load_string_vectors().iloc[0] == 0).any()

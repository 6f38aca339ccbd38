import numpy as np
import pandas as pd
import pytest

import scellm
from tests.conftest import SMALL

DIM = SMALL["dim"]


SYMBOLS = scellm.genes.load_vocabulary().symbols


def given(n=500, width=DIM, seed=0):
    """Embeddings of the first genes, with mean 3 and a small variance."""
    values = np.random.default_rng(seed).normal(3, 0.1, (n, width)).astype("float32")
    return pd.DataFrame(values, index=SYMBOLS[:n])


def test_rows_land_at_their_genes_by_any_name(prepared):
    vectors = pd.DataFrame(
        np.arange(3 * DIM, dtype=float).reshape(3, DIM), index=["CD3E", "ENSG00000010610", "not-a-gene"]
    )
    model = scellm.CellLM(prepared, gene_embeddings=vectors, rescale_genes=False, **SMALL)
    table = model.get_gene_embeddings()
    np.testing.assert_array_equal(table.loc["CD3E"], vectors.iloc[0])
    np.testing.assert_array_equal(table.loc["CD4"], vectors.iloc[1])
    assert table.shape == (19225, DIM)


def test_they_are_brought_to_the_variance_of_the_bins(prepared):
    vectors = given()
    table = scellm.CellLM(prepared, gene_embeddings=vectors, **SMALL).get_gene_embeddings()
    mine = table.iloc[:500].to_numpy()
    np.testing.assert_allclose(mine.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(mine.std(0), 1, atol=1e-4)
    np.testing.assert_allclose(mine, (vectors - vectors.mean()) / vectors.std(ddof=0), atol=1e-3)


@pytest.mark.parametrize("rescale", [True, False])
def test_genes_without_a_vector_differ_from_each_other_and_match_the_others_in_size(prepared, rescale):
    vectors = given()
    vectors.iloc[400:] = np.nan
    table = (
        scellm.CellLM(prepared, gene_embeddings=vectors, rescale_genes=rescale, **SMALL)
        .get_gene_embeddings()
        .to_numpy()
    )
    there, lacking = table[:400], table[400:]
    assert np.isfinite(table).all()
    assert len(np.unique(lacking, axis=0)) == len(lacking)
    np.testing.assert_allclose(lacking.mean(), there.mean(), atol=0.05)
    np.testing.assert_allclose(lacking.std(0).mean(), there.std(0).mean(), rtol=0.1)


def test_a_random_table_of_another_width(prepared):
    model = scellm.CellLM(prepared, gene_embeddings="random", gene_dim=5, **SMALL)
    assert model.module.cell_encoder.encoder.embedding.gene.weight.shape[1] == 5
    assert model.get_gene_embeddings().shape[1] == DIM
    with pytest.raises(ValueError, match="gene_dim"):
        scellm.CellLM(prepared, gene_embeddings="random", gene_dim=0, **SMALL)

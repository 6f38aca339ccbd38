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


@pytest.mark.parametrize("name", ["v.csv", "v.csv.gz", "v.tsv", "v.parquet"])
def test_paths(prepared, tmp_path, name):
    vectors = given(20)
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pandas reads parquet with pyarrow, which is not installed")
        vectors.rename(columns=str).to_parquet(tmp_path / name)
    else:
        vectors.to_csv(tmp_path / name, sep="\t" if "tsv" in name else ",")
    model = scellm.CellLM(prepared, gene_embeddings=tmp_path / name, rescale_genes=False, **SMALL)
    np.testing.assert_allclose(model.get_gene_embeddings().iloc[:20], vectors, rtol=1e-6)


def test_bad_vectors(prepared, tmp_path):
    with pytest.raises(ValueError, match="names no gene"):
        scellm.CellLM(prepared, gene_embeddings=given().set_axis([f"no-gene-{i}x" for i in range(500)]), **SMALL)
    with pytest.raises(ValueError, match="names no gene"):
        scellm.CellLM(prepared, gene_embeddings=given() * np.nan, **SMALL)
    with pytest.raises(ValueError, match=r"must hold numbers.*found \['gene'\]"):
        scellm.CellLM(prepared, gene_embeddings=given().assign(gene="a"), **SMALL)
    with pytest.raises(ValueError, match=r"'strng' is not known; expected \['random', 'string'\]"):
        scellm.CellLM(prepared, gene_embeddings="strng", **SMALL)
    with pytest.raises(FileNotFoundError, match="no such file"):
        scellm.CellLM(prepared, gene_embeddings=tmp_path / "no.csv", **SMALL)
    with pytest.raises(ValueError, match=r"16 columns and gene_dim=8\. Leave gene_dim out"):
        scellm.CellLM(prepared, gene_embeddings=given(), gene_dim=8, **SMALL)

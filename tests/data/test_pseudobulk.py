import numpy as np
import scipy.sparse as sp

import scellm
from scellm.data._pseudobulk import GeneCounts
from tests.conftest import make_adata


def test_sums_are_those_of_the_counts(monkeypatch):
    adata = make_adata()
    monkeypatch.setattr("scellm.data._pseudobulk._BLOCK", 7)
    counts = GeneCounts(adata)
    rows = np.array([3, 1, 40, 8, 22, 9, 30, 31, 32, 33])
    weights = sp.csr_matrix(np.random.default_rng(0).integers(0, 3, (2, len(rows))).astype(float))
    found = counts.sums(weights, rows)
    order = np.argsort(adata.var["celllm_gene"])
    known = order[adata.var["celllm_gene"].to_numpy()[order] >= 0]
    want = weights @ adata.X[rows][:, known].toarray()
    np.testing.assert_allclose(found, want)
    assert counts.genes.tolist() == sorted(adata.var["celllm_gene"])


def test_normalised_data_give_their_counts_per_cell():
    adata = make_adata()
    want = GeneCounts(adata.copy()).rows(np.arange(5)).toarray()
    logged = adata.copy()
    logged.raw = None
    total = np.asarray(logged.X.sum(1))
    logged.X = sp.csr_matrix(logged.X.multiply(1e4 / total))
    logged.X.data = np.log1p(logged.X.data)
    scellm.pp.prepare(logged)
    found = GeneCounts(logged).rows(np.arange(5)).toarray()
    np.testing.assert_allclose(found / found.sum(1, keepdims=True), want / want.sum(1, keepdims=True), atol=1e-5)

import numpy as np
import pytest
import scanpy as sc

import scellm
from tests.reference.bins import oracle, report, spread


@pytest.mark.parametrize("base", [None, 2, 10])
@pytest.mark.parametrize("target", [None, 1e4, 1e6, 3333.0])
def test_log1p_of_any_base_and_target_gives_the_bins_of_the_counts(adata, base, target):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    sc.pp.normalize_total(adata, target_sum=target)
    sc.pp.log1p(adata, base=base)
    scellm.pp.prepare(adata)
    assert report(adata)["taken_for"] == "log1p"
    assert (adata.layers["celllm_bins"] != want).nnz == 0


def test_log1p_of_unscaled_counts_and_normalised_without_log(adata):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    logged = adata.copy()
    sc.pp.log1p(logged)
    scellm.pp.prepare(logged)
    assert (logged.layers["celllm_bins"] != want).nnz == 0
    sc.pp.normalize_total(adata, target_sum=1e4)
    scellm.pp.prepare(adata)
    assert report(adata)["taken_for"] == "normalised"
    assert (adata.layers["celllm_bins"] != want).nnz == 0


def test_log1p_of_part_of_the_genes_gives_the_bins_of_the_whole(adata):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"][:, ::2]
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    part = adata[:, ::2].copy()
    scellm.pp.prepare(part, panel=True)
    assert (part.layers["celllm_bins"] != want).nnz == 0


def test_counts_with_decimals(adata):
    adata.X.data *= np.random.default_rng(0).uniform(0.5, 1.5, adata.X.nnz).astype(np.float32) * 30
    with pytest.warns(UserWarning, match="a linear scale"):
        scellm.pp.prepare(adata)
    assert report(adata)["taken_for"] == "counts with decimals"
    assert np.array_equal(spread(adata), oracle(adata.X.toarray().astype(float), adata.var["celllm_gene"].to_numpy()))


def test_the_data_of_the_demo():
    adata = sc.datasets.pbmc68k_reduced()
    with pytest.warns(UserWarning, match=r"panel|scaled"):
        scellm.pp.prepare(adata)
    assert report(adata)["matrix"] == "raw"
    assert report(adata)["taken_for"] == "log1p"
    assert "rounded to three decimals" in report(adata)["why"]
    value = np.where(adata.raw.X.toarray() > 0, np.clip(np.floor(adata.raw.X.toarray()), 0, 5) + 1, 0)
    known = adata.var["celllm_gene"].to_numpy() >= 0
    differ = adata.layers["celllm_bins"].toarray()[:, known] != value[:, known]
    assert differ.mean() < 1e-3  # genes with two columns

import numpy as np
import pytest
import scipy.sparse as sp

import scellm
from tests.conftest import QUIET, SMALL, make_adata


def test_csr_array(adata):
    adata.X = sp.csr_array(adata.X)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    model.is_trained_ = True
    assert model.get_latent_representation().shape == (60, 16)


def test_set_up_prepares_and_logs_it(adata, caplog):
    scellm.settings.verbosity = 20
    logger = __import__("logging").getLogger("scellm")
    logger.propagate = True
    try:
        with caplog.at_level(20, logger="scellm"):
            scellm.CellLM.setup_anndata(adata)
    finally:
        logger.propagate = False
    assert "running scellm.pp.prepare on it first" in caplog.text
    assert "celllm_bins" in adata.layers


def test_query_prepared_with_other_bins_is_refused(model):
    model.is_trained_ = True
    query = make_adata(10, seed=4)
    scellm.pp.prepare(query, log_base=2)
    with pytest.raises(ValueError, match=r"prepared with log_base=2.*scellm.pp.prepare\(adata, target_sum=10000.0"):
        model.get_latent_representation(query)


def test_counts_that_changed_are_noticed(adata):
    import scanpy as sc

    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    adata.X = adata.X * 3
    adata.X.data[::2] += 1
    with pytest.raises(ValueError, match="changed since"):
        model.pretrain(max_steps=1, view="thin", **QUIET)
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    with pytest.raises(ValueError, match=r"was counts when scellm.pp.prepare read it and is log1p now"):
        model.pretrain(max_steps=1, view="thin", **QUIET)
    model.pretrain(max_steps=1, batch_size=8, **QUIET)  # the layer is still valid


def test_views_need_whole_counts(adata):
    adata.X.data *= np.random.default_rng(0).uniform(0.5, 1.5, adata.X.nnz).astype(np.float32) * 40
    with pytest.warns(UserWarning, match="read as counts with decimals"):
        scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    with pytest.raises(ValueError, match=r"whole counts.*view='identity'"):
        model.pretrain(max_steps=1, view="thin", **QUIET)

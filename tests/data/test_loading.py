"""The traps of scvi-tools, one by one, and the loader's own promises."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
import torch

import scellm
from scellm.data import SubsampleGenes, Thin
from scellm.data._batches import ShuffledRows, StepSampler
from scellm.data._dataset import TokenDataset, ViewDataset
from scellm.data._random import draw_key, uniform
from scellm.data._views import get_view, thin
from tests.conftest import QUIET, SMALL, make_adata


@pytest.fixture
def manager(model):
    return model.adata_manager


def test_on_the_fly_equals_the_layer(model, manager):
    rows = np.arange(60)[::-1]
    dataset = ViewDataset(manager, (Thin(1, 1), Thin(1, 1)))  # keeps every molecule: goes through the counts
    layer, fly = TokenDataset(manager)[rows], dataset[0, rows]
    for key in ("gene", "bin", "offsets"):
        assert np.array_equal(layer[key], fly[key])
        assert np.array_equal(layer[key], fly[f"{key}_b"])


def test_rows_follow_indices_on_backed_data(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    scellm.CellLM.setup_anndata(backed)
    model = scellm.CellLM(backed, **SMALL)
    rows = [9, 3, 7, 1, 9]
    z = model.get_latent_representation()
    np.testing.assert_allclose(model.get_latent_representation(indices=rows), z[rows], rtol=1e-5, atol=1e-6)
    views = ViewDataset(model.adata_manager, (Thin(), Thin()))
    whole = ViewDataset(model.adata_manager, (Thin(), Thin()))[0, np.arange(60)]
    got = views[0, np.array(rows)]
    for i, row in enumerate(rows):
        a, b = whole["offsets"][row : row + 2]
        c, d = got["offsets"][i : i + 2]
        assert np.array_equal(whole["gene"][a:b], got["gene"][c:d])


def test_second_train_keeps_dropout_on(model):
    seen = []
    hook = model.module.encoder.register_forward_hook(lambda m, *_: seen.append(m.training))
    for _ in range(2):
        seen.clear()
        model.pretrain(max_steps=1, batch_size=8, **QUIET)
        assert all(seen)
    for _ in range(2):
        seen.clear()
        model.train(max_epochs=1, tune="full", validation_size=0, **QUIET)
        assert all(seen)
    hook.remove()


def test_history_of_both_stages_is_kept(model):
    model.pretrain(max_steps=3, batch_size=8, **QUIET)
    model.train(max_epochs=2, **QUIET)
    assert len(model.history["pretrain_loss"]) == 3
    assert {
        len(model.history[k]) for k in ("train_loss", "train_accuracy", "validation_loss", "validation_macro_f1")
    } == {2}


def test_query_with_other_genes_no_labels_and_unseen_types(model):
    model.is_trained_ = True
    query = make_adata(20, 2300, seed=9)
    del query.obs["cell_type"], query.obs["origin"]
    columns = list(query.obs.columns)
    assert model.get_latent_representation(query).shape == (20, 16)
    assert [c for c in query.obs.columns if not c.startswith("_scvi")] == columns
    unseen = make_adata(20, 2300, seed=9)
    unseen.obs["cell_type"] = "new"
    np.testing.assert_array_equal(model.get_latent_representation(unseen), model.get_latent_representation(query))
    assert (unseen.obs["cell_type"] == "new").all()


def test_missing_labels_are_unlabelled(adata):
    labels = adata.obs["cell_type"].astype(object)
    labels.iloc[:10] = np.nan
    labels.iloc[10:15] = "Unknown"
    adata.obs["cell_type"] = labels
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    assert model._types() == ["type 0", "type 1", "type 2"]
    codes = adata.obs["_scvi_labels"].to_numpy()
    assert (codes[:15] == 3).all()
    assert (codes[15:] < 3).all()
    assert adata.obs["cell_type"].isna().sum() == 10


def test_origin_words(adata):
    adata.obs["origin"] = [
        "Tumor",
        "TUMOUR",
        "cancer",
        "malignant",
        "normal",
        " Healthy ",
        "unknown",
        np.nan,
        "x",
        "",
    ] * 6
    scellm.CellLM.setup_anndata(adata, origin_key="origin")
    assert adata.obs["_scvi_origin"].tolist()[:10] == [1, 1, 1, 1, 0, 0, -1, -1, -1, -1]


def test_csr_array(adata):
    adata.X = sp.csr_array(adata.X)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    model.is_trained_ = True
    assert model.get_latent_representation().shape == (60, 16)


def test_set_up_prepares_and_says_so(adata, caplog):
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


@pytest.mark.parametrize("key", ["labels_key", "origin_key"])
def test_missing_column_changes_nothing(adata, key):
    with pytest.raises(KeyError, match=f"{key}='nope' is not in adata.obs, which holds"):
        scellm.CellLM.setup_anndata(adata, **{key: "nope"})
    assert not adata.layers
    assert not adata.uns


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
    model.pretrain(max_steps=1, batch_size=8, **QUIET)  # the layer is still good


def test_uniform_depends_on_its_key_alone():
    cell, gene = np.repeat(np.arange(200), 50), np.tile(np.arange(50), 200)
    u = uniform(draw_key(0, 1, 0), cell, gene)
    order = np.random.default_rng(0).permutation(len(cell))
    assert np.array_equal(uniform(draw_key(0, 1, 0), cell[order], gene[order]), u[order])
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 0.01
    assert abs(np.histogram(u, 10, (0, 1))[0] - 1000).max() < 150
    for other in (draw_key(1, 1, 0), draw_key(0, 2, 0), draw_key(0, 1, 1)):
        assert abs(np.corrcoef(u, uniform(other, cell, gene))[0, 1]) < 0.03
    grid = u.reshape(200, 50)
    assert np.abs(np.corrcoef(grid.T) - np.eye(50)).max() < 0.35


def test_thinning_is_binomial():
    rng = np.random.default_rng(0)
    for n, p in ((1, 0.3), (5, 0.3), (400, 0.7)):
        k = thin(np.full(50_000, n), np.full(50_000, p), rng.random(50_000))
        assert k.mean() == pytest.approx(n * p, rel=0.02)
        assert k.var() == pytest.approx(n * p * (1 - p), rel=0.04)
    assert thin(np.array([3, 0]), np.array([1.0, 0.5]), np.array([0.2, 0.9])).tolist() == [3, 0]


@pytest.mark.parametrize("view", [Thin(), SubsampleGenes(0.5)])
def test_views_depend_on_cell_step_and_view_only(manager, view):
    dataset = ViewDataset(manager, (view, view), seed=3)
    rows = np.array([5, 17, 40])
    together, alone = dataset[7, rows], dataset[7, rows[1:2]]
    a, b = together["offsets"][1:3]
    assert np.array_equal(together["gene"][a:b], alone["gene"])
    assert not np.array_equal(together["gene"], together["gene_b"])
    assert not np.array_equal(dataset[8, rows]["gene"], together["gene"])
    full = TokenDataset(manager)[rows]
    assert len(together["gene"]) < len(full["gene"])


def test_views_by_name():
    assert get_view("thin") == Thin()
    for bad in ({"low": 20, "high": 70}, {"low": 0.5, "high": 0.2}, {"low": 0.0}):
        with pytest.raises(ValueError, match="a share of the molecules"):
            Thin(**bad)
    with pytest.raises(ValueError, match="a share of the genes"):
        SubsampleGenes(0)
    with pytest.raises(ValueError, match=r"view='blur' is not known"):
        get_view("blur")


def test_views_need_whole_counts(adata):
    adata.X.data *= np.random.default_rng(0).uniform(0.5, 1.5, adata.X.nnz).astype(np.float32) * 40
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    with pytest.raises(ValueError, match=r"whole counts.*view='identity'"):
        model.pretrain(max_steps=1, view="thin", **QUIET)


def test_sampler_goes_on_anywhere():
    rows = np.arange(100, 123)
    whole = list(StepSampler(ShuffledRows(rows), 5, 13, seed=2))
    assert [s for s, _ in whole] == list(range(13))
    late = list(StepSampler(ShuffledRows(rows), 5, 13, seed=2, start=6))
    assert all(s == t and np.array_equal(a, b) for (s, a), (t, b) in zip(whole[6:], late, strict=True))
    epoch = np.concatenate([r for _, r in whole[:4]])
    assert len(np.unique(epoch)) == 20
    assert set(epoch) <= set(rows)
    assert not np.array_equal(whole[0][1], whole[4][1])


def test_batches_are_packed_tensors(model):
    batch = next(iter(model._make_data_loader(model.adata, batch_size=8)))
    assert {k: v.dtype for k, v in batch.items()} == dict.fromkeys(
        ["gene", "bin", "offsets", "labels", "origin", "row"], torch.int64
    )
    assert batch["offsets"][-1] == len(batch["gene"]) == len(batch["bin"])

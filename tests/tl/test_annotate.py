import json
from contextlib import nullcontext

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

import scellm
from scellm.model._annotator import Annotator
from tests.conftest import QUIET, SMALL, make_adata


@pytest.fixture
def trained(model):
    model.train(max_epochs=2, **QUIET)
    return model


def test_slots_dtypes_and_the_disk(trained, tmp_path):
    adata = trained.adata
    scellm.tl.embed(adata, trained)
    scellm.tl.annotate(adata, trained)
    z = adata.obsm["X_celllm"]
    assert z.dtype == np.float32
    assert z.flags.c_contiguous
    assert z.shape == (60, 16)
    assert isinstance(adata.obs["celllm_type"].dtype, pd.CategoricalDtype)
    assert list(adata.obs["celllm_type"].cat.categories) == ["type 0", "type 1", "type 2"]
    assert adata.obs["celllm_type_confidence"].dtype == np.float32
    p = adata.obsm["celllm_type_probabilities"]
    assert list(p.columns) == ["type 0", "type 1", "type 2"]
    assert (p.dtypes == np.float32).all()
    np.testing.assert_allclose(p.max(axis=1), adata.obs["celllm_type_confidence"])
    adata.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    assert back.uns["celllm"]["slots"] == adata.uns["celllm"]["slots"]
    assert set(back.uns["celllm"]) == {"prepare", "slots"}
    np.testing.assert_array_equal(back.obsm["X_celllm"], z)
    pd.testing.assert_frame_equal(back.obsm["celllm_type_probabilities"], p)
    sc.pp.neighbors(adata, use_rep="X_celllm")


def test_annotate_untrained_changes_nothing(model):
    before = set(model.adata.obs)
    with pytest.raises(RuntimeError, match=r"model.train\(\)"):
        scellm.tl.annotate(model.adata, model)
    assert set(model.adata.obs) == before


@pytest.mark.filterwarnings("ignore:Writing zarr v2")  # anndata's word on the default format
@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_types_of_any_name_can_be_written_and_read(adata, tmp_path, kind):
    names = np.array(["T", "T/NK", "_index"])
    adata.obs["cell_type"] = names[np.arange(60) % 3]
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    model.train()
    scellm.tl.annotate(adata, model)
    path = tmp_path / f"a.{kind}"
    if kind == "h5ad":
        adata.write_h5ad(path)
        back = ad.read_h5ad(path)
    else:
        pytest.importorskip("zarr", reason="zarr is not installed")
        adata.write_zarr(path)
        back = ad.read_zarr(path)
    assert list(back.obsm["celllm_type_probabilities"].columns) == ["T", "T|NK", "type '_index'"]
    assert json.loads(back.uns["celllm"]["slots"]["celllm_type"]["types"]) == ["T", "T/NK", "_index"]
    assert set(back.obs["celllm_type"]) <= {"T", "T/NK", "_index"}


def test_known_labels_are_never_overwritten(model):
    model.train()
    before = model.adata.obs["cell_type"].copy()
    with pytest.raises(ValueError, match="known labels would be overwritten"):
        scellm.tl.annotate(model.adata, model, key_added="cell_type")
    assert model.adata.obs["cell_type"].equals(before)


def test_a_cell_gets_the_same_answer_whatever_comes_with_it(model):
    """Cells that the model was trained with are known again, in any order of cells and genes."""
    model.train()
    whole = model.predict(soft=True)
    rows, columns = np.array([50, 3, 17]), np.random.default_rng(0).permutation(model.adata.n_vars)
    part = make_adata()[rows][:, columns].copy()
    np.testing.assert_allclose(model.predict(part, soft=True), whole.iloc[rows], atol=1e-5)
    assert model.features_of(part) == "embedding and components"
    mixed = ad.concat([part, make_adata(5, seed=7)], index_unique="-", join="outer")
    found = model.predict(mixed, soft=True)
    np.testing.assert_allclose(found.iloc[:3], whole.iloc[rows], atol=1e-5)
    assert model.features_of(mixed) == "embedding and components for 3 cells, embedding for 5"
    assert model.features_of(make_adata(5, seed=7)) == "embedding"


def test_smoothing_over_neighbours_and_clusters(trained):
    adata = trained.adata
    p = trained.predict(soft=True).to_numpy()
    adata.obs["leiden"] = pd.Categorical(np.where(np.arange(60) % 3 == 0, "a", "b"))
    scellm.tl.annotate(adata, trained, smooth="leiden", key_added="by_cluster")
    a = np.arange(60) % 3 == 0
    found = adata.obsm["by_cluster_probabilities"].to_numpy()
    np.testing.assert_allclose(found[a], np.tile(p[a].mean(0), (20, 1)), atol=1e-6)
    assert adata.obs.loc[a, "by_cluster"].nunique() == 1
    scellm.tl.annotate(adata, trained, smooth=5, key_added="by_neighbours")
    found = adata.obsm["by_neighbours_probabilities"].to_numpy()
    assert np.abs(found - p).max() > 1e-4
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    assert adata.uns["celllm"]["slots"]["by_neighbours"]["smooth"] == "5"
    assert adata.uns["celllm"]["slots"]["by_cluster"]["smooth"] == "leiden"


def test_a_minimum_of_confidence_leaves_cells_unnamed(trained):
    adata = trained.adata
    scellm.tl.annotate(adata, trained, min_confidence=0.999, key_added="careful")
    sure = trained.predict(soft=True).to_numpy().max(1) >= 0.999
    np.testing.assert_array_equal(adata.obs["careful"] == "unknown", ~sure)
    assert adata.uns["celllm"]["slots"]["careful"]["min_confidence"] == "0.999 (type), 0.999 (coarse type)"
    scellm.tl.annotate(adata, trained, key_added="bold")
    assert "unknown" not in adata.obs["bold"].cat.categories
    assert "bold_coarse" not in adata.obs  # types of one's own have one level and no ids


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_a_model_that_leaves_most_cells_unknown_says_so(trained, limit):
    annotator = trained._answering()
    trained._annotator = Annotator(annotator.types, min_coarse=limit)
    warning = r"60 of 60 cells are 'unknown', with a confidence below 1.*\(type 0, type 1, type 2\)"
    with pytest.warns(UserWarning, match=warning) if limit else nullcontext():
        scellm.tl.annotate(trained.adata, trained)
    scellm.tl.annotate(trained.adata, trained, min_confidence=0.9999)  # a limit of one's own needs no warning


@pytest.mark.parametrize(
    "wrong", [{"smooth": "leiden"}, {"smooth": 0}, {"min_confidence": 1.5}, {"min_confidence": "high"}]
)
def test_options_that_are_refused_change_nothing(trained, wrong):
    before = set(trained.adata.obs), set(trained.adata.obsm), dict(trained.adata.uns["celllm"])
    with pytest.raises(ValueError, match=r"smooth=|min_confidence must be"):
        scellm.tl.annotate(trained.adata, trained, **wrong)
    assert before == (set(trained.adata.obs), set(trained.adata.obsm), dict(trained.adata.uns["celllm"]))

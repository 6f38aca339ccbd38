"""Each toy is one short file, needs one line of registration and no other change, and runs from end to end."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scvi.dataloaders import DataSplitter

import scellm
from scellm import bm
from scellm.data import SOURCES, VIEWS
from scellm.nn import ATTENTIONS, POOLINGS
from scellm.train import OBJECTIVES
from tests.conftest import QUIET, SMALL, make_adata
from tests.extensions.toy_attention import MeanAttention
from tests.extensions.toy_baseline import ExpressedGenes
from tests.extensions.toy_metric import Kappa
from tests.extensions.toy_model import NumberModel
from tests.extensions.toy_objective import GeneNumber
from tests.extensions.toy_pooling import MaxPooling
from tests.extensions.toy_source import TableSource
from tests.extensions.toy_view import without_singletons


def test_an_objective(monkeypatch, adata, tmp_path):
    monkeypatch.setitem(OBJECTIVES, "gene_number", GeneNumber)  # the one line
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    options = {"objectives": ("contrastive", "masked", "gene_number"), "batch_size": 20, "lr": 3e-3, **QUIET}
    model.pretrain(max_steps=12, checkpoint=tmp_path / "run.pt", **options)
    loss = model.history["pretrain_gene_number"]["pretrain_gene_number"]
    assert loss.iloc[-3:].mean() < loss.iloc[:3].mean()
    drawn = scellm.pl.history(model, stage="pretrain").get_legend().get_texts()
    assert [t.get_text() for t in drawn] == ["loss", "contrastive", "masked", "gene number"]
    model.save_pretrained(tmp_path / "w")
    again = scellm.CellLM.from_pretrained(tmp_path / "w")
    assert torch.equal(again.module.heads["gene_number"].weight, model.module.heads["gene_number"].weight)
    scellm.CellLM.from_pretrained("celllm-mini")  # older than the objective, whose head keeps its initial weights
    with torch.no_grad():
        model.module.heads["gene_number"].weight[0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="the gene_number loss is not finite"):
        model.pretrain(max_steps=1, **options)


def test_a_source(monkeypatch):
    monkeypatch.setattr("scellm.data._sources.SOURCES", [*SOURCES, TableSource])  # the one line
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"cell": np.repeat(np.arange(30), 15), "gene": rng.integers(0, 19_225, 450), "bin": rng.integers(0, 6, 450)}
    )
    table = table.drop_duplicates(["cell", "gene"])
    model = scellm.CellLM.without_data(pooling="expression", hashed_dim=8, **SMALL)
    model.pretrain(corpus=table, max_steps=3, batch_size=10, **QUIET)
    assert model.module.cell_encoder.pooling.initialized
    assert np.isfinite(model.history["pretrain_loss"]).all(axis=None)
    assert "pretrain_malignancy" not in model.history


def test_an_attention(monkeypatch, prepared, tmp_path):
    monkeypatch.setitem(ATTENTIONS, "mean", MeanAttention)  # the one line
    model = scellm.CellLM(prepared, attention="mean", **SMALL)
    model.pretrain(max_steps=2, batch_size=20, **QUIET)
    model.train(max_epochs=1, tune="full", **QUIET)
    model.save_pretrained(tmp_path / "w")
    again = scellm.CellLM.from_pretrained(tmp_path / "w", prepared)
    np.testing.assert_allclose(
        again.get_latent_representation(), model.get_latent_representation(), rtol=1e-4, atol=1e-5
    )
    alone = np.concatenate([model.get_latent_representation(indices=[i]) for i in range(5)])
    np.testing.assert_allclose(alone, model.get_latent_representation(indices=range(5)), rtol=1e-4, atol=1e-4)


def test_a_pooling_and_a_view(monkeypatch, prepared, tmp_path):
    monkeypatch.setitem(POOLINGS, "max", MaxPooling)  # the one line of each
    monkeypatch.setitem(VIEWS, "without_singletons", without_singletons)
    model = scellm.CellLM(prepared, pooling="max", **SMALL)
    model.pretrain(max_steps=2, batch_size=20, view="without_singletons", **QUIET)
    assert model.get_latent_representation().shape == (prepared.n_obs, 16)
    model.save_pretrained(tmp_path / "w")
    again = scellm.CellLM.from_pretrained(tmp_path / "w", prepared)
    np.testing.assert_allclose(
        again.get_latent_representation(), model.get_latent_representation(), rtol=1e-4, atol=1e-5
    )


def test_a_baseline_and_a_metric(monkeypatch, adata):
    monkeypatch.setitem(bm.METRICS, "kappa", Kappa())  # the one line of the metric; a baseline needs none
    methods = {"toy": ExpressedGenes, "expression": scellm.baselines.LogisticRegression}
    task = bm.Task("t", adata, "cell_type", bm.Stratified())
    results = bm.run([task], methods, seeds=2, metrics=["kappa", "macro_f1"])
    scores = results.table.pivot_table(index="method", columns="metric", values="value")
    assert scores.loc["toy", "kappa"] > 0.5
    table = bm.summary(results, against="expression", metric="kappa", n_boot=50)
    assert table["low"].notna().any()
    assert bm.summary(results, n_boot=20)["mean"].tolist() == pytest.approx(
        scores["kappa"][["toy", "expression"]].tolist()
    )


def test_numbers_are_predicted_and_scored(adata):
    """A task of numbers: predict sequencing depth from principal components."""
    from sklearn.linear_model import Ridge

    class Components(scellm.baselines.PCALogisticRegression):
        def fit(self, adata, labels_key, *, indices):
            self.prepare_features(adata)
            self.model = Ridge().fit(self.features(adata, indices), adata.obs[labels_key].to_numpy()[indices])
            return self

    adata.obs["depth"] = np.log(np.asarray(adata.X.sum(1)).ravel())
    adata.obs.loc[adata.obs_names[:5], "depth"] = np.nan
    task = bm.NumberTask("depth", adata, "depth", bm.RandomCells())
    results = bm.run([task], {"PCA": lambda: Components(5), "two": lambda: Components(2)}, seeds=3)
    assert set(results.table["metric"]) == {"pearson", "rmse"}
    assert all(min(rows) >= 5 for rows in results.test_indices.values())
    assert set(bm.summary(results, metric="rmse", n_boot=50)["verdict"]) <= {"better", "worse", "not established"}
    with pytest.raises(ValueError, match="do not fit tasks of numbers"):
        bm.run([task], {"PCA": Components}, metrics=["accuracy"])


def test_a_second_model(tmp_path):
    adata = make_adata(60)
    adata.obs["dose"] = np.arange(60) % 3 + 0.5
    NumberModel.setup_anndata(adata, number_key="dose")
    model = NumberModel(adata, **SMALL)
    quiet = {"enable_progress_bar": False}
    model.train(lambda manager: DataSplitter(manager, train_size=0.8, batch_size=20), **quiet)
    assert np.corrcoef(model.predict(), adata.obs["dose"])[0, 1] > 0.8
    assert "train_loss" in model.history
    assert model.get_gene_embeddings().shape == (19_225, 16)
    model.save_pretrained(tmp_path / "w", licence="CC0")
    again = NumberModel.from_pretrained(tmp_path / "w")
    np.testing.assert_array_equal(again.predict(adata), model.predict())
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(NumberModel.load(tmp_path / "m", adata).predict(), model.predict())
    scellm.tl.embed(adata, again)
    assert adata.uns["celllm"]["slots"]["X_celllm"]["model"].startswith("NumberModel")


TOYS = sorted(Path(__file__).parent.glob("toy_*.py"))


@pytest.mark.parametrize("path", TOYS, ids=lambda p: p.stem)
def test_the_toys_are_short_and_are_the_examples_of_contributing(path):
    text = path.read_text(encoding="utf-8")
    code = [line for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", '"""'))]
    assert len(code) <= 45
    page = Path(__file__).parents[2] / "CONTRIBUTING.md"
    if not page.exists():
        pytest.skip("installed without the project's pages")
    assert text.split("\n\n", 1)[1].strip() in page.read_text(encoding="utf-8")

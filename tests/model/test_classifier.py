import numpy as np

import scellm
from scellm import bm
from tests.conftest import QUIET, SMALL, make_adata


def test_competes_in_a_benchmark_with_probabilities(prepared, tmp_path):
    model = scellm.CellLM(prepared, **SMALL)
    model.pretrain(max_steps=2, batch_size=20, **QUIET)
    model.save_pretrained(tmp_path / "w")
    adata = make_adata(60)
    before = set(adata.obs), set(adata.uns)
    make = lambda: scellm.model.CellLMClassifier(tmp_path / "w", max_epochs=3, lr=3e-3, tune="full", **QUIET)
    methods = {"CellLM": make, "expression": scellm.baselines.LogisticRegression}
    task = bm.Task("t", adata, "cell_type", bm.Stratified())
    results = bm.run([task], methods, seeds=1, metrics=["macro_f1", "log_loss"])
    assert np.isfinite(results.table["value"]).all()
    assert (set(adata.obs), set(adata.uns)) == before, "the data are not changed"
    table = results.probabilities["t", 0]["CellLM"]
    assert set(table.columns) == {"type 0", "type 1", "type 2"}
    summary = bm.summary(results, against="expression", metric="log_loss", n_boot=50).set_index("method")
    worse = summary.loc["CellLM", "mean"] > summary.loc["expression", "mean"]
    assert (summary.loc["CellLM", "difference"] > 0) == worse


def test_predicts_cells_of_other_data(prepared, tmp_path):
    model = scellm.CellLM(prepared, **SMALL)
    model.is_trained_ = True
    model.save_pretrained(tmp_path / "w")
    made = scellm.model.CellLMClassifier(tmp_path / "w", max_epochs=1, **QUIET).fit(make_adata(), "cell_type")
    assert made.predict(make_adata(12, seed=3), indices=[3, 1]).shape == (2,)
    assert list(made.predict_proba(make_adata(12, seed=3), indices=[3, 1]).index) == ["cell3", "cell1"]

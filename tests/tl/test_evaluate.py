import numpy as np
import pytest

import scellm
from scellm.tl._evaluate import SIMPLE
from tests.reference.methods import Majority


def test_the_model_stands_beside_every_simple_baseline(model, caplog):
    adata = model.adata
    model.is_trained_ = True
    columns, before = set(adata.obs), adata.uns["_scvi_uuid"]
    scellm.settings.verbosity = 20
    table = scellm.tl.evaluate(adata, model, labels_key="cell_type", seeds=2, methods={"mine": Majority})
    assert set(table["method"]) == {"this model", "mine", *SIMPLE}
    assert table["mean"].is_monotonic_decreasing
    row = table.set_index("method").loc["this model"]
    assert row["against"] in SIMPLE
    assert row["low"] <= row["difference"] <= row["high"]
    assert (set(adata.obs), adata.uns["_scvi_uuid"]) == (columns, before)
    assert "the best simple baseline" in caplog.text


def test_weights_by_name(cells):
    table = scellm.tl.evaluate(
        cells, "celllm-bag", labels_key="cell_type", seeds=1, split=scellm.bm.FewLabels(5), metric="accuracy"
    )
    assert table.set_index("method").loc["celllm-bag", "mean"] > 0.8
    assert not cells.layers


def test_bad_calls(cells):
    with pytest.raises(KeyError, match="labels_key='celltype' is not in obs"):
        scellm.tl.evaluate(cells, "celllm-bag", labels_key="celltype")
    with pytest.raises(TypeError, match="AnnData"):
        scellm.tl.evaluate(np.zeros(3), "celllm-bag", labels_key="cell_type")
    with pytest.raises(ValueError, match="are not known"):
        scellm.tl.evaluate(cells, "celllm-bag", labels_key="cell_type", metric="f1")


def test_an_encoder_that_saw_labels_is_refused(model):
    model.train(tune="full", max_epochs=1, accelerator="cpu", enable_progress_bar=False)
    with pytest.raises(ValueError, match=r"was trained on labels.*tune='last'"):
        scellm.tl.evaluate(model.adata, model, labels_key="cell_type")


@pytest.mark.parametrize("name", ["majority", "this model"])
def test_names_that_are_taken(model, name):
    with pytest.raises(ValueError, match="which take part already"):
        scellm.tl.evaluate(model.adata, model, labels_key="cell_type", methods={name: Majority})

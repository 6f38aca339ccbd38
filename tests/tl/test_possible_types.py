import anndata as ad
import numpy as np
import pytest

import scellm
from tests.conftest import SMALL, make_adata


@pytest.fixture
def learned():
    """A model that did not learn "type 2", whose cells are all unlabelled."""
    adata = make_adata(200)
    truth = adata.obs["cell_type"].astype(str).to_numpy()
    adata.obs["known"] = np.where((np.arange(200) < 120) & (truth != "type 2"), truth, "Unknown")
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM(adata, **SMALL)
    model.train()
    return model, truth


def test_slots_and_answers(learned, tmp_path):
    model, truth = learned
    adata = model.adata
    scellm.tl.annotate(adata, model, unknown="Nothing known", coverage=0.9)
    p, size = adata.obsm["celllm_type_p_values"], adata.obs["celllm_type_set_size"]
    assert (p.dtypes == np.float32).all()
    assert adata.obs["celllm_type_p_value"].dtype == np.float32
    assert size.dtype == np.int32
    np.testing.assert_array_equal(size, (model.predict_p_values(coverage=0.9) > 0.1 + 1e-9).sum(axis=1))
    np.testing.assert_allclose(adata.obs["celllm_type_p_value"], p.max(axis=1))
    assert list(adata.obs["celllm_type"].cat.categories) == ["type 0", "type 1", "Nothing known"]
    np.testing.assert_array_equal(adata.obs["celllm_type"] == "Nothing known", size == 0)
    inside = p.to_numpy() > 0.1 + 1e-6
    answer = adata.obs["celllm_type"].astype(str).to_numpy()
    for i in np.flatnonzero(size > 0):
        assert inside[i, list(p.columns).index(answer[i])]
    new, rest = truth == "type 2", (truth != "type 2") & (np.arange(200) >= 120)
    assert (size[new] == 0).mean() > (size[rest] == 0).mean()
    slots = adata.uns["celllm"]["slots"]["celllm_type"]
    assert (slots["unknown"], slots["coverage"], slots["few_calibration_cells"]) == ("Nothing known", "0.9", "[]")
    adata.write_h5ad(tmp_path / "a.h5ad")
    assert "celllm_type_p_values" in ad.read_h5ad(tmp_path / "a.h5ad").obsm


def test_a_later_call_without_it_leaves_no_p_value_of_the_first(learned):
    model, _ = learned
    adata = model.adata
    adata.obs["mine_p_value"] = 1.0
    scellm.tl.annotate(adata, model, unknown="?", key_added="mine")
    scellm.tl.annotate(adata, model, unknown="?")
    scellm.tl.annotate(adata, model)
    slots = {k for k in [*adata.obs, *adata.obsm] if k.startswith("celllm_type")}
    assert slots == {"celllm_type", "celllm_type_confidence", "celllm_type_probabilities"}
    assert {k for k in adata.uns["celllm"]["slots"] if k.startswith("celllm_type")} == slots
    assert "mine_p_values" in adata.obsm


def test_another_name_that_ends_like_a_slot_stays(learned):
    model, _ = learned
    scellm.tl.annotate(model.adata, model, key_added="by_id")
    scellm.tl.annotate(model.adata, model, key_added="by", unknown="?")
    scellm.tl.annotate(model.adata, model, key_added="by")
    assert "by_id" in model.adata.obs
    assert "by_p_value" not in model.adata.obs


def test_columns_of_the_user_stay(learned):
    model, _ = learned
    model.adata.obs["celllm_type_set_size"] = 5
    scellm.tl.annotate(model.adata, model)
    assert (model.adata.obs["celllm_type_set_size"] == 5).all()


def test_without_it_nothing_changes(learned):
    model, _ = learned
    before = scellm.tl.annotate(model.adata, model, copy=True)
    assert not [c for c in before.obs if "p_value" in c or "set_size" in c]
    assert "unknown" not in before.uns["celllm"]["slots"]["celllm_type"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unknown": "type 0"}, r"unknown='type 0' is not possible.*\['type 0', 'type 1'\]"),
        ({"unknown": ""}, r"unknown='' is not possible"),
        ({"unknown": 3}, r"unknown=3 is not possible"),
        ({"unknown": "?", "smooth": 5}, r"cannot be combined with smooth="),
        ({"unknown": "?", "min_confidence": 0.5}, r"cannot be combined with min_confidence="),
        ({"unknown": "?", "coverage": 2}, r"coverage=2 is not possible"),
        ({"unknown": "?", "coverage": 0.999}, r"coverage=0.999 needs at least 999 labelled cells"),
    ],
)
def test_wrong_input_changes_nothing(learned, options, message):
    model, _ = learned
    before = set(model.adata.obs), set(model.adata.obsm)
    with pytest.raises(ValueError, match=message):
        scellm.tl.annotate(model.adata, model, **options)
    assert (set(model.adata.obs), set(model.adata.obsm)) == before


def test_types_with_few_cells_are_named_as_few(learned):
    model, _ = learned
    rare = make_adata(200)
    truth = rare.obs["cell_type"].astype(str).to_numpy()
    few = (truth == "type 1") & (np.cumsum(truth == "type 1") > 8)
    rare.obs["known"] = np.where(few, "Unknown", truth)
    scellm.CellLM.setup_anndata(rare, labels_key="known")
    model = scellm.CellLM(rare, **SMALL)
    model.train()
    scellm.tl.annotate(rare, model, unknown="?", coverage=0.9)
    assert rare.uns["celllm"]["slots"]["celllm_type"]["few_calibration_cells"] == '["type 1"]'

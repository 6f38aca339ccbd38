import json

import anndata as ad
import numpy as np
import pytest

import scellm
from tests.conftest import QUIET, SMALL, make_adata, real


def treated(library, n=120):
    adata = make_adata(n_obs=n, n_types=2)
    adata.obs["response"] = np.where(adata.obs["cell_type"] == "type 0", "sensitive", "resistant")
    adata.obs["library"] = library(adata)
    scellm.CellLM.setup_anndata(adata, labels_key="response")
    model = scellm.CellLM(adata, **SMALL)
    model.pretrain(max_steps=2, batch_size=20, **QUIET)
    model.train()
    return adata, model


REPLICATED = lambda a: a.obs["response"].astype(str) + (np.arange(a.n_obs) // 2 % 3).astype(str)


def test_labels_scores_and_what_stands_behind_them():
    adata, model = treated(REPLICATED)
    with pytest.warns(UserWarning, match="leave whole levels of library out"):
        scellm.tl.sensitivity(adata, model)
    assert set(adata.obs["celllm_sensitivity"].cat.categories) == {"sensitive", "resistant"}
    score = adata.obs["celllm_sensitivity_score"]
    assert ((score > 0.5) == (adata.obs["celllm_sensitivity"] == "sensitive")).all()
    facts = adata.uns["celllm"]["slots"]["celllm_sensitivity"]
    assert facts["positive"] == "sensitive"
    scores = json.loads(facts["scores"])
    assert set(scores) == {
        f"{split}{what}"
        for split in ("random split", "whole levels of library left out")
        for what in ("", ", library size alone")
    }
    assert scores["random split"]["auroc"] > scores["random split, library size alone"]["auroc"]
    assert set(scores["random split"]) == {"auroc", "average_precision", "f1"}


def test_a_library_a_label_is_a_warning_and_no_score():
    adata, model = treated(lambda a: a.obs["response"].map({"sensitive": "A", "resistant": "B"}))
    with pytest.warns(UserWarning, match=r"obs\['response'\] cannot be separated from obs\['library'\]"):
        scellm.tl.sensitivity(adata, model, positive="resistant")
    facts = adata.uns["celllm"]["slots"]["celllm_sensitivity_score"]
    assert facts["positive"] == "resistant"
    assert json.loads(facts["scores"]) == {}
    assert "cannot be separated" in facts["confounding"]


def test_new_cells_copy_and_disk(tmp_path):
    _, model = treated(lambda a: np.tile(["A", "B", "B"], a.n_obs // 3))
    model.save(tmp_path / "m")
    new = make_adata(n_obs=20, n_types=2, seed=3)
    found = scellm.tl.sensitivity(new, tmp_path / "m", copy=True, key_added="mine")
    assert "mine" not in new.obs
    assert "not checked" in found.uns["celllm"]["slots"]["mine"]["confounding"]
    found.write_h5ad(tmp_path / "a.h5ad")
    assert ad.read_h5ad(tmp_path / "a.h5ad").obs["mine_score"].dtype == np.float32


def test_bad_calls(trained, adata):
    two, model = treated(REPLICATED)
    with pytest.raises(ValueError, match="positive='x' is not a label of the model"):
        scellm.tl.sensitivity(two, model, positive="x")
    with pytest.raises(ValueError, match="key_added='response' is the column"):
        scellm.tl.sensitivity(two, model, key_added="response")
    with pytest.raises(KeyError, match=r"are not in adata\.obs"):
        scellm.tl.sensitivity(two, model, batch_keys="x")
    with pytest.raises(ValueError, match="the model knows"):
        scellm.tl.sensitivity(adata, trained)


def test_which_label_is_positive_may_be_open():
    from scellm.tl._sensitivity import _positive

    assert _positive(["Sensitive", "Resistant"], None) == "Sensitive"
    assert _positive(["0", "1"], 1) == "1"
    with pytest.raises(ValueError, match="is positive is open"):
        _positive(["0", "1"], None)
    with pytest.raises(ValueError, match="is positive is open: pass positive="):
        _positive(["drug", "control"], None)


def test_where_donors_hold_both_labels_they_are_left_out():
    adata, model = treated(REPLICATED)
    adata.obs["donor"] = np.array(list("abcd"))[np.arange(120) // 30]
    with pytest.warns(UserWarning, match="leave whole levels of library out"):
        scellm.tl.sensitivity(adata, model)
    scores = json.loads(adata.uns["celllm"]["slots"]["celllm_sensitivity"]["scores"])
    assert {"whole levels of donor left out", "whole levels of library left out"} <= set(scores)


def test_an_encoder_that_was_tuned_has_seen_the_labels():
    adata, model = treated(REPLICATED)
    model.configs_["train"]["tune"] = "last"
    with pytest.warns(UserWarning, match="leave whole levels"):
        scellm.tl.sensitivity(adata, model)
    facts = adata.uns["celllm"]["slots"]["celllm_sensitivity"]
    assert json.loads(facts["scores"]) == {}
    assert "the encoder was tuned on these labels" in facts["confounding"]


@pytest.mark.slow
def test_on_pc9_it_says_that_no_score_can_be_believed():
    adata = real("eval/pc9_erlotinib.h5ad")
    scellm.CellLM.setup_anndata(adata, labels_key="response")
    model = scellm.CellLM.from_pretrained("celllm-mini", adata)
    model.train()
    with pytest.warns(UserWarning, match="Any score may be that of the donor"):
        scellm.tl.sensitivity(adata, model)

import anndata as ad

import scellm
from tests.conftest import QUIET


def test_a_second_call_keeps_the_record_of_the_first(model, tmp_path):
    model.train(max_epochs=1, **QUIET)
    adata = model.adata
    scellm.tl.annotate(adata, model)
    scellm.tl.annotate(adata, model, key_added="again")
    scellm.tl.embed(adata, model, key_added="X_b")
    slots = adata.uns["celllm"]["slots"]
    assert {"celllm_type", "celllm_type_confidence", "celllm_type_probabilities", "again", "X_b"} <= set(slots)
    assert slots["celllm_type"]["tool"] == slots["again"]["tool"] == "annotate"
    assert slots["X_b"]["where"] == "obsm"
    assert slots["X_b"]["model"].startswith("CellLM (mini)")
    assert "prepare" in adata.uns["celllm"]
    adata.write_h5ad(tmp_path / "a.h5ad")
    assert ad.read_h5ad(tmp_path / "a.h5ad").uns["celllm"]["slots"] == slots

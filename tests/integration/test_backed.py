"""Data on disk give the same answers as data in memory, and their counts stay there."""

import anndata as ad
import numpy as np

import scellm
from tests.conftest import make_adata


def test_embed_annotate_and_contributions_of_backed_data(model, tmp_path):
    model.train(enable_progress_bar=False, accelerator="cpu")
    memory = make_adata(40, 2200, seed=8)
    memory.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    for adata in (memory, backed):
        scellm.tl.embed(adata, model)
        scellm.tl.annotate(adata, model)
        scellm.tl.contributions(adata, model)
    assert backed.isbacked
    np.testing.assert_array_equal(backed.obsm["X_celllm"], memory.obsm["X_celllm"])
    assert backed.obs["celllm_type"].tolist() == memory.obs["celllm_type"].tolist()
    assert abs(backed.layers["celllm_contributions"] - memory.layers["celllm_contributions"]).max() == 0
    backed.file.close()

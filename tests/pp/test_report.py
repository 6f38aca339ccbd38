import anndata as ad

import scellm
from tests.reference.bins import report


def test_report_survives_the_disk(adata, tmp_path):
    scellm.pp.prepare(adata)
    adata.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    assert report(back) == report(adata)
    assert (back.layers["celllm_bins"] != adata.layers["celllm_bins"]).nnz == 0

import scanpy as sc

import scellm
from tests.reference.bins import report


def test_scaled_x_falls_back_to_raw_and_layers(adata):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    counts = adata.X.copy()
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    adata.raw = adata
    adata.X = sc.pp.scale(adata.X.toarray())
    from_raw = scellm.pp.prepare(adata, copy=True)
    assert report(from_raw)["matrix"] == "raw"
    assert (from_raw.layers["celllm_bins"] != want).nnz == 0
    adata.layers["counts"] = counts
    from_layer = scellm.pp.prepare(adata, copy=True)
    assert report(from_layer)["matrix"] == "layers/counts"
    assert scellm.pp.prepare(adata, layer="raw", copy=True).uns["celllm"]["prepare"]["matrix"] == "raw"

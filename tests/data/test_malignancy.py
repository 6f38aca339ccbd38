import numpy as np

import scellm


def test_malignancy_words(adata):
    adata.obs["origin"] = [
        "Tumor",
        "TUMOUR",
        "cancer",
        "malignant",
        "normal",
        " Healthy ",
        "unknown",
        np.nan,
        "x",
        "",
    ] * 6
    scellm.CellLM.setup_anndata(adata, malignancy_key="origin")
    assert adata.obs["_scvi_malignancy"].tolist()[:10] == [1, 1, 1, 1, 0, 0, -1, -1, -1, -1]

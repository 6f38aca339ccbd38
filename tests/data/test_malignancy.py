import numpy as np
import pandas as pd
import pytest

import scellm
from scellm.data._malignancy import both_classes, code_of, malignancy_codes


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
    with pytest.warns(UserWarning, match=r"'x' \(6 cells\) is no known word for tumour or normal"):
        scellm.CellLM.setup_anndata(adata, malignancy_key="origin")
    assert adata.obs["_scvi_malignancy"].tolist()[:10] == [1, 1, 1, 1, 0, 0, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Primary Tumor", 1),
        ("tumor_primary", 1),
        ("lung adenocarcinoma", 1),
        ("non-small cell lung cancer", 1),
        ("metastatic melanoma", 1),
        ("Acute myeloid leukaemia", 1),
        ("aneuploid", 1),
        ("Solid Tissue Normal", 0),
        ("normal_adjacent", 0),
        ("tumor-adjacent", 0),
        ("non-malignant", 0),
        ("tumor free", 0),
        ("diploid", 0),
        ("Normal-like breast cancer", 1),
        ("abnormal", -1),
        ("T", -1),
    ],
)
def test_words_that_occur(word, code):
    assert code_of(word) == code


def test_booleans_and_both_classes():
    obs = pd.DataFrame({"malignant": [True, False, True]})
    assert malignancy_codes(obs, "malignant").tolist() == [1, 0, 1]
    assert both_classes(np.array([1, 0, -1])) == 2
    assert both_classes(np.array([1, 1, -1])) == 0

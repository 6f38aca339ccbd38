import numpy as np
import pytest

import scellm
from scellm.datasets import _segerstolpe

ROWS = [
    "INS\tNM_1\t0.5\t0\t7\t0",
    "ERCC-00002\tERCC-00002\t1\t1\t9\t9",
    "GCG\tNM_2\t0\t2.5\t0\t4",
    "eGFP\teGFP\t0\t0\t1\t1",
]


@pytest.mark.parametrize(
    "header",
    [
        "Source Name\tCharacteristics[cell type]\tCharacteristics[individual]\tCharacteristics[disease]",
        "Source Name\tCharacteristics [inferred cell type]\tCharacteristics [individual]\tCharacteristics [disease]",
    ],
)
def test_both_styles_of_labels(public, header):
    (public / _segerstolpe.COUNTS.name).write_text("#samples\tc1\tc2\n" + "\n".join(ROWS) + "\n")
    (public / _segerstolpe.LABELS.name).write_text(
        header + "\nc2\talpha cell\tH2\tnormal\nc1\tbeta cell\tH1\tT2D\nc1\tx\tx\tx\n"
    )
    adata = scellm.datasets.segerstolpe()
    assert list(adata.var_names) == ["INS", "GCG"]
    np.testing.assert_array_equal(adata.X.toarray(), [[7, 0], [0, 4]])
    assert list(adata.obs["cell_type"]) == ["beta cell", "alpha cell"]
    assert list(adata.obs["donor"]) == ["H1", "H2"]


def test_other_layouts(public):
    (public / _segerstolpe.COUNTS.name).write_text("#samples\tc1\tc2\nINS\tNM_1\t1\t2\n")
    with pytest.raises(ValueError, match="has 4 fields a row; expected 2 and twice the 2 cells"):
        scellm.datasets.segerstolpe()
    (public / _segerstolpe.COUNTS.name).write_text("#samples\tc1\tc2\n" + "\n".join(ROWS) + "\n")
    with pytest.raises(ValueError, match="fields a row"):  # downloaded once
        scellm.datasets.segerstolpe()


def test_labels_without_types(public):
    (public / _segerstolpe.COUNTS.name).write_text("#samples\tc1\tc2\n" + "\n".join(ROWS) + "\n")
    (public / _segerstolpe.LABELS.name).write_text("Source Name\tAge\nc1\t3\nc2\t4\n")
    with pytest.raises(ValueError, match="no column with cell types"):
        scellm.datasets.segerstolpe()

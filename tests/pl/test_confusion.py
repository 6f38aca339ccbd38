import matplotlib as mpl
import numpy as np
import pytest

import scellm

mpl.use("Agg")


def test_confusion(adata):
    with pytest.raises(KeyError, match=r"scellm.tl.annotate"):
        scellm.pl.confusion(adata, "cell_type")
    adata.obs["celllm_type"] = adata.obs["cell_type"].cat.rename_categories({"type 2": "other"})
    with pytest.raises(KeyError, match="It holds"):
        scellm.pl.confusion(adata, "nope")
    ax = scellm.pl.confusion(adata, "cell_type")
    shown = ax.images[0].get_array()
    np.testing.assert_allclose(shown.sum(axis=1), 1)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["type 0 (20)", "type 1 (20)", "type 2 (20)"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["other", "type 0", "type 1", "type 2"]
    assert scellm.pl.confusion(adata, "cell_type", normalize=False).images[0].get_array().sum() == 60

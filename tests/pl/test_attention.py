import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import scellm


@pytest.fixture
def scored(adata):
    values = np.zeros(adata.shape, np.float32)
    of = np.arange(60) % 3
    values[np.arange(60), of] = 0.5  # gene 0, 1 or 2: the type's own
    values[:, 7] = 0.25
    adata.layers["celllm_attention"] = sp.csr_matrix(values)
    return adata


def test_the_top_genes_of_each_group(scored):
    ax = scellm.pl.attention(scored, "cell_type", n_genes=2, show=False)
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == [scored.var_names[i] for i in (0, 7, 1, 2)]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.5, 0, 0], [0.25] * 3, [0, 0.5, 0], [0, 0, 0.5]])
    assert ax.images[0].cmap.name == "viridis"
    plt.close("all")


def test_signs_have_two_colours_and_cells_without_group_are_left_out(scored):
    scored.layers["signed"] = scored.layers["celllm_attention"] * -1
    scored.layers["signed"][0, 0] = 3
    scored.obs["group"] = pd.Series(np.where(np.arange(60) == 0, "a", None), index=scored.obs_names)
    ax = scellm.pl.attention(scored, "group", key="signed", n_genes=1, show=False)
    assert ax.images[0].get_array().tolist() == [[3]]
    ax = scellm.pl.attention(scored, "cell_type", key="signed", n_genes=8, show=False)
    assert ax.images[0].cmap.name == "RdBu_r"
    low, high = ax.images[0].get_clim()
    assert low == -high
    plt.close("all")


def test_bad_calls(scored):
    with pytest.raises(KeyError, match="groupby='leiden' is not in obs"):
        scellm.pl.attention(scored, "leiden")
    del scored.layers["celllm_attention"]
    with pytest.raises(KeyError, match=r"Run scellm.tl.attention or scellm.tl.contributions first"):
        scellm.pl.attention(scored, "cell_type")
    scored.layers["celllm_attention"] = sp.csr_matrix(scored.shape)
    scored.obs["none"] = pd.Categorical([None] * 60)
    with pytest.raises(ValueError, match="holds no group"):
        scellm.pl.attention(scored, "none")

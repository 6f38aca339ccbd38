import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import scellm
from tests.conftest import QUIET

mpl.use("Agg")


def test_history(model):
    with pytest.raises(ValueError, match="holds nothing"):
        scellm.pl.history(model)
    model.pretrain(max_steps=3, batch_size=8, **QUIET)
    ax = scellm.pl.history(model)
    assert ax.get_xlabel() == "step"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["loss", "contrastive", "masked", "origin"]
    model.train(max_epochs=2, **QUIET)
    ax = scellm.pl.history(model)
    assert ax.get_xlabel() == "epoch"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), model.history["train_loss"]["train_loss"].astype(float))
    mine = mpl.pyplot.figure().add_subplot()
    assert scellm.pl.history(model, keys=["pretrain_gradient_norm"], ax=mine, smooth=2) is mine
    with pytest.raises(ValueError, match="stage='x' is not known"):
        scellm.pl.history(model, stage="x")
    with pytest.raises(ValueError, match=r"not \['nope'\]"):
        scellm.pl.history(model, keys=["nope"])


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


def test_gene_neighbors():
    vectors = pd.DataFrame(
        np.random.default_rng(0).normal(size=(6, 3)), index=["CD3E", "CD3D", "CD3G", "MS4A1", "CD79A", "LYZ"]
    )
    ax = scellm.pl.gene_neighbors(vectors, "CD3E", n_neighbors=4)
    expected = scellm.tl.gene_neighbors(vectors, "CD3E", n_neighbors=4)
    assert [t.get_text() for t in ax.get_yticklabels()] == list(expected["neighbor"])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), expected["similarity"])
    assert "CD3E" in ax.get_title()
    other = plt.subplots()[1]
    assert scellm.pl.gene_neighbors(vectors, "CD3E", ax=other) is other
    plt.close("all")

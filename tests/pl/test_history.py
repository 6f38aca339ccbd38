import matplotlib as mpl
import numpy as np
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
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["loss", "contrastive", "masked", "malignancy"]
    model.train(max_epochs=2, head="mlp", **QUIET)
    ax = scellm.pl.history(model)
    assert ax.get_xlabel() == "epoch"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), model.history["train_loss"]["train_loss"].astype(float))
    mine = mpl.pyplot.figure().add_subplot()
    assert scellm.pl.history(model, keys=["pretrain_gradient_norm"], ax=mine, smooth=2) is mine
    with pytest.raises(ValueError, match="stage='x' is not known"):
        scellm.pl.history(model, stage="x")
    with pytest.raises(ValueError, match=r"not \['nope'\]"):
        scellm.pl.history(model, keys=["nope"])

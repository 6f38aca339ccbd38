import numpy as np
import pytest

import scellm
from tests.conftest import QUIET, make_adata


@pytest.fixture
def typed(model):
    model.train(**QUIET)
    return model


def test_writes_a_layer_and_its_record(typed):
    adata = typed.adata
    assert scellm.tl.contributions(adata, typed) is None
    layer = adata.layers["celllm_contributions"]
    assert layer.dtype == np.float32
    record = adata.uns["celllm"]["slots"]["celllm_contributions"]
    assert record["cell_type"] == "the most probable one"
    assert float(record["largest_error"]) < 0.1
    scellm.tl.contributions(adata, typed, cell_type="type 1", key_added="one")
    means = np.array(
        [adata.layers["one"][(adata.obs["cell_type"] == t).to_numpy()].sum(1).mean() for t in typed._types()]
    )
    assert means.argmax() == 1


def test_the_genes_that_were_raised_in_a_type_contribute_to_it(typed):
    adata = typed.adata
    out = scellm.tl.contributions(adata, typed, cell_type="type 2", copy=True)
    mean = np.asarray(
        out.layers["celllm_contributions"][(adata.obs["cell_type"] == "type 2").to_numpy()].mean(0)
    ).ravel()
    assert mean[120:180].mean() > 5 * abs(np.delete(mean, np.s_[120:180]).mean())


def test_bad_calls_change_nothing(typed, prepared):
    adata = make_adata(10)
    with pytest.raises(ValueError, match=r"'T cell' is not a type of this model.*'type 0'"):
        scellm.tl.contributions(adata, typed, cell_type="T cell")
    with pytest.raises(RuntimeError, match="not trained on cell types"):
        scellm.tl.contributions(adata, "celllm-bag")
    with pytest.raises(ValueError, match="n_steps must be"):
        scellm.tl.contributions(adata, typed, n_steps=1)
    assert not adata.layers
    assert not adata.uns


def test_a_rough_integral_warns(typed, monkeypatch):
    monkeypatch.setattr("scellm.tl._contributions._ERROR", 1e-9)
    with pytest.warns(UserWarning, match="Pass a larger n_steps than 2, such as n_steps=8"):
        scellm.tl.contributions(typed.adata, typed, n_steps=2)

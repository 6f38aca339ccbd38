import numpy as np
import pandas as pd
import pytest

from scellm.model._response_state import ResponseState
from tests.responses import make_response


@pytest.fixture(scope="module")
def model():
    return make_response(drug_encoder="onehot")


def test_the_interval_is_the_conformal_quantile(model):
    state = model.state_
    found = state.half_width(0.8)
    for j in range(10):
        sizes = np.sort(np.abs(state.errors[:, j][np.isfinite(state.errors[:, j])]))
        assert found[j] == sizes[int(np.ceil((len(sizes) + 1) * 0.8)) - 1]
    assert np.isnan(state.half_width(0.999)).all()  # too few lines for such a level


def test_plain_forms_make_the_same_state(model):
    state = model.state_
    again = ResponseState.of(state.tensors(), state.facts(), None)
    np.testing.assert_array_equal(again.errors, state.errors)
    np.testing.assert_array_equal(again.features.route.ranks, state.features.route.ranks)
    pd.testing.assert_series_equal(again.drugs.smiles, state.drugs.smiles, check_names=False, check_index_type=False)
    assert again.typical == state.typical


def test_parts_that_do_not_fit(model):
    facts = model.state_.facts()
    with pytest.raises(ValueError, match="do not fit 59 lines"):
        ResponseState.of(model.state_.tensors(), facts | {"lines": facts["lines"][1:]}, None)

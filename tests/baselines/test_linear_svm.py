import numpy as np
import pytest

from scellm.baselines import LinearSVM


def test_it_learns_and_has_no_probabilities(cells):
    truth = cells.obs["cell_type"].astype(str).to_numpy()
    fitted = LinearSVM().fit(cells, "cell_type", indices=np.arange(45))
    assert (fitted.predict(cells, indices=np.arange(45, 90)) == truth[45:90]).mean() > 0.8
    with pytest.raises(AttributeError, match=r"predict_proba"):
        fitted.predict_proba(cells)

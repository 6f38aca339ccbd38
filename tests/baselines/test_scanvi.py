import numpy as np
import pytest

from scellm.baselines import ScANVI
from tests.conftest import make_adata


@pytest.mark.slow
def test_learns_types_and_predicts_another_data_set(cells):
    found = ScANVI((60, 20), 300).fit(cells, "cell_type", indices=np.arange(60))
    truth = cells.obs["cell_type"].astype(str).to_numpy()
    assert (found.predict(cells, indices=np.arange(60, 90)) == truth[60:]).mean() > 0.8
    other = make_adata(30)
    assert (found.predict(other) == other.obs["cell_type"].astype(str)).mean() > 0.8
    assert len(found.genes) == 300
    table = found.predict_proba(other)
    assert list(table.index) == list(other.obs_names)
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-4)


def test_the_same_seed_gives_the_same_model(cells):
    fits = [ScANVI((1, 1), 50).fit(cells, "cell_type", indices=np.arange(60)).predict_proba(cells) for _ in range(2)]
    np.testing.assert_array_equal(*fits)
    with pytest.raises(ValueError, match="fewer than two types among the 1 labelled cells"):
        ScANVI().fit(cells, "cell_type", indices=[0])

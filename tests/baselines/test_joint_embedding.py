import numpy as np
import pytest
import scvi

from scellm.baselines import JointEmbedding
from tests.conftest import make_adata

THERE = hasattr(scvi.external, "JointEmbeddingSCVI")


@pytest.mark.skipif(not THERE, reason="needs scvi-tools 1.5")
def test_learns_types_and_predicts_another_data_set(cells):
    fits = [JointEmbedding(30, 200).fit(cells, "cell_type", indices=np.arange(60)) for _ in range(2)]
    truth = cells.obs["cell_type"].astype(str).to_numpy()
    predicted = [fit.predict(cells, indices=np.arange(60, 90)) for fit in fits]
    assert (predicted[0] == truth[60:]).mean() > 0.7
    np.testing.assert_array_equal(*predicted)
    assert fits[0].predict_proba(make_adata(30)).shape == (30, 3)


@pytest.mark.skipif(THERE, reason="scvi-tools 1.5 is there")
def test_an_older_scvi_tools():
    with pytest.raises(ImportError, match=r"needs scvi-tools 1.5 or later"):
        JointEmbedding()

import numpy as np

from scellm.baselines import MajorityType


def test_every_cell_gets_the_most_frequent_type(cells):
    types = cells.obs["cell_type"].astype(str).to_numpy()
    rows = np.r_[np.flatnonzero(types == "type 0")[:3], np.flatnonzero(types == "type 1")[:7]]
    fitted = MajorityType().fit(cells, "cell_type", indices=rows)
    assert set(fitted.predict(cells)) == {"type 1"}
    np.testing.assert_allclose(fitted.predict_proba(cells).iloc[0], [0.3, 0.7])

import numpy as np
import pytest

from scellm.bm.drug import DrugData, UnseenTissues
from tests.responses import make_data


def test_tissues_stay_whole():
    data = make_data()
    train, test = UnseenTissues(0.45)(data, np.random.default_rng(0))
    tissue = data.tissues.to_numpy()
    assert not set(tissue[train.any(1)]) & set(tissue[test.any(1)])
    assert test.any()


def test_without_tissues():
    data = make_data()
    with pytest.raises(ValueError, match="tissue_key=None"):
        UnseenTissues()(DrugData(data.lines, data.responses), np.random.default_rng(0))

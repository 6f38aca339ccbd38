import pytest

from scellm.bm import METRICS, Metric
from scellm.bm.metrics import LABELS, NUMBERS, PROBABILITIES


def test_every_metric_has_a_name_and_a_known_kind():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.needs in {LABELS, NUMBERS, PROBABILITIES}
    assert {m.needs for m in METRICS.values()} == {LABELS, NUMBERS, PROBABILITIES}


def test_a_metric_must_have_a_score():
    with pytest.raises(TypeError, match="abstract"):
        Metric()

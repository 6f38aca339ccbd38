import pytest

from scellm.train import PretrainingConfig
from tests.reference.runs import OPTIONS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contrast": "simclr"}, "contrast='simclr' is not known"),
        ({"view": "blur"}, "view='blur'"),
        ({"batch_size": 1}, "at least two"),
        ({"max_steps": 0}, "max_steps must be a whole number of at least 1"),
        ({"indices": [3]}, "at least two"),
    ],
)
def test_bad_options(model, options, message):
    with pytest.raises(ValueError, match=message):
        model.pretrain(**{**OPTIONS, **options})


def test_learning_rate_rises_then_falls():
    r = PretrainingConfig(lr=1e-3, warmup=0.1)
    rates = [r.lr_at(s, 100) for s in range(100)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[9] == pytest.approx(1e-3)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(1e-6, abs=1e-6)

import pytest

from scellm.train import ResponseConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "mlp"}, "head='mlp' is not known"),
        ({"tune": "all"}, "tune='all' is not known"),
        ({"n_heads": 0}, "n_heads must be a whole number"),
        ({"rank": -1}, "rank must be"),
        ({"lr": 0}, "lr must be a number above 0"),
        ({"batch_lines": 1}, "batch_lines must be"),
        ({"tune": "full", "head": "solved"}, "tune='full' trains the encoder by steps"),
        ({"tune": "last", "n_heads": 5}, "n_heads=1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ResponseConfig(**options)


def test_plain_values_make_the_same():
    config = ResponseConfig(head="paper", lr=0.01)
    assert ResponseConfig(**config.to_dict()) == config

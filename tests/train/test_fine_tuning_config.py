import json

import pytest

from scellm.train import FineTuningConfig


def test_validation_needs_cells():
    assert FineTuningConfig().trainer_options(validated=True) == {"check_val_every_n_epoch": 1}
    assert FineTuningConfig().trainer_options(validated=False) == {"check_val_every_n_epoch": None}


def test_it_can_be_stored():
    config = FineTuningConfig(class_weights={"a": 1.0})
    assert json.loads(json.dumps(config.to_dict()))["class_weights"] == {"a": 1.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tune": "all"}, r"tune='all' is not known; expected one of \['head', 'last', 'full'\]"),
        ({"max_epochs": 0}, "max_epochs must be a whole number of at least 1"),
        ({"lr": 0}, "lr must be a number above 0"),
        ({"validation_size": 1.0}, "validation_size must be a number of at least 0 and below 1"),
        ({"class_weights": "equal"}, "class_weights='equal' is not known"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        FineTuningConfig(**options)

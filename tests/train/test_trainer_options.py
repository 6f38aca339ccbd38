import inspect

import pytest

import scellm
from scellm.train import FineTuningConfig, PretrainingConfig
from scellm.train._trainer_options import split_options, trainer_option_names, with_options


def test_options_go_where_they_belong():
    config, trainer = split_options(PretrainingConfig, None, {"lr": 0.1, "precision": "bf16-mixed"}, "pretrain")
    assert config == PretrainingConfig(lr=0.1)
    assert trainer == {"precision": "bf16-mixed"}


def test_names_change_a_given_configuration():
    given = PretrainingConfig(lr=0.1, temperature=0.2)
    config, _ = split_options(PretrainingConfig, given, {"lr": 0.3}, "pretrain")
    assert (config.lr, config.temperature) == (0.3, 0.2)
    assert given.lr == 0.1


@pytest.mark.parametrize(
    ("call", "option", "message"),
    [
        ("pretrain", "n_epochs", "pretrain takes no option 'n_epochs'. Here it is called 'max_epochs'"),
        ("pretrain", "learning_rate", "Here it is called 'lr'"),
        ("pretrain", "batch_key", "no batch or covariate to name"),
        ("pretrain", "use_gpu", "'use_gpu'"),
        ("pretrain", "objectivs", r"Similar names: \['objectives'"),
        ("train", "early_stopping_patience", "Here it is called 'patience'"),
        ("train", "plan_kwargs", "train takes no option 'plan_kwargs'"),
        ("train", "foo", "train takes no option 'foo'"),
    ],
)
def test_an_unknown_option_is_an_error_with_the_name_that_is_meant(model, call, option, message):
    with pytest.raises(TypeError, match=message):
        getattr(model, call)(**{option: 1})


def test_options_of_the_trainer_are_those_of_lightning():
    assert {"precision", "callbacks", "enable_progress_bar", "logger"} <= trainer_option_names()
    assert not {"max_epochs", "early_stopping_patience", "accelerator"} & trainer_option_names()


def test_signature_and_docstring_show_every_field():
    for method, config in ((scellm.CellLM.pretrain, PretrainingConfig), (scellm.CellLM.train, FineTuningConfig)):
        shown = inspect.signature(method).parameters
        for name, field in config.__dataclass_fields__.items():
            assert shown[name].default == field.default
        assert list(shown)[-1] == "trainer_options"
        assert "%(options)s" not in method.__doc__
        assert "\n        batch_size\n            Cells per step" in method.__doc__


def test_a_method_without_the_mark_keeps_its_docstring():
    @with_options(FineTuningConfig)
    def method(self, **options: object) -> None:
        """One line."""

    assert method.__doc__ == "One line."

from dataclasses import dataclass

import numpy as np
import pytest

from scellm._options import checked, in_range, jsonable, one_of, unknown_option


@dataclass(frozen=True)
class Options:
    max_epochs: int = 3
    lr: float = 0.1
    patience: int = 1


def test_takes_fields_and_keeps_defaults():
    assert checked(Options, {"lr": 0.2}, "train") == Options(lr=0.2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n_epochs", "train takes no option 'n_epochs'. Here it is called 'max_epochs'."),
        ("learning_rate", "Here it is called 'lr'."),
        ("early_stopping_patience", "Here it is called 'patience'."),
        ("batch_key", "depends on that cell alone, so there is no batch or covariate to name"),
        ("pateince", r"Similar names: \['patience'\]"),
        ("xyz", r"Its options are \['lr', 'max_epochs', 'patience'\]"),
        ("use_gpu", r"options are|Similar"),
    ],
)
def test_an_unknown_option_names_the_one_that_is_meant(name, message):
    with pytest.raises(TypeError, match=message):
        checked(Options, {name: 1}, "train")


def test_use_gpu_is_accelerator_where_there_is_one():
    assert "'accelerator'" in unknown_option("use_gpu", ["accelerator", "devices"], "train")


def test_one_of():
    one_of("a", None, (None, "x"))
    for bad in ("y", ["x"]):
        with pytest.raises(ValueError, match=r"is not known; expected one of \[None, 'x'\]"):
            one_of("a", bad, (None, "x"))


@pytest.mark.parametrize("value", [1, 2.5, np.float32(1), np.int64(3)])
def test_numbers_in_range(value):
    in_range("a", value, 1, 3)


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        (0, {"low": 1}, "a must be a number of at least 1; found 0"),
        (1, {"low": 1, "open_low": True}, "a must be a number above 1; found 1"),
        (1, {"low": 0, "high": 1, "open_high": True}, "of at least 0 and below 1; found 1"),
        (2.5, {"whole": True}, "a must be a whole number; found 2.5"),
        ("1", {}, "a must be a number; found '1'"),
        (True, {}, "found True"),
        (None, {"low": 0}, "found None"),
        (float("nan"), {"low": 0}, "found nan"),
    ],
)
def test_what_is_out_of_range(value, options, message):
    with pytest.raises(ValueError, match=message):
        in_range("a", value, **options)


def test_jsonable():
    given = {"a": (1, 2.0, None), "b": np.mean, "c": Options()}
    assert jsonable(given)["a"] == [1, 2.0, None]
    assert jsonable(given)["b"].endswith("mean")
    assert jsonable(given)["c"] == repr(Options())

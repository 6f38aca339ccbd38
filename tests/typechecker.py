"""The checker of shapes and types in signatures while tests run: beartype, with two exceptions."""

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as it is to Python


def check(function):
    """Check a function's arguments and result; not where `Self` or a protocol stands, which have no check."""
    try:
        return _beartype(function)
    except (BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception):
        return function

"""Check shapes and types of signatures during tests, with beartype and two exceptions."""

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is accepted as a float


def check(function):
    """Check the arguments and the result of a function; `Self` and protocols cannot be checked."""
    try:
        return _beartype(function)
    except (BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception):
        return function

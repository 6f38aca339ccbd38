"""The `scellm` logger: rich, on its own, at the level of `scvi.settings.verbosity`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler


class _FollowsScvi(logging.Filter):
    """Lets a record pass at the level that `scvi.settings.verbosity` has now, so that there is one knob."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.getLogger("scvi").getEffectiveLevel()


def _make_logger() -> logging.Logger:
    logger = logging.getLogger("scellm")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    if not logger.handlers:
        handler = RichHandler(show_path=False, show_time=False, console=Console(force_terminal=False, soft_wrap=True))
        handler.setFormatter(logging.Formatter("%(message)s"))
        handler.addFilter(_FollowsScvi())
        logger.addHandler(handler)
    return logger


logger = _make_logger()


@contextmanager
def quiet() -> Iterator[None]:
    """Say nothing below a warning; for work on data that are not the user's."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)

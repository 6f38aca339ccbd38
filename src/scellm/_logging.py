"""The `scellm` logger: rich output, at the level of `scvi.settings.verbosity`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rich.console import Console
from rich.logging import RichHandler

_least_level: ContextVar[int] = ContextVar("least_level", default=logging.NOTSET)


class _LevelFilter(logging.Filter):
    """Pass records from the level of `scvi.settings.verbosity` up, or from that of `quiet` if it is higher."""

    def filter(self, record: logging.LogRecord) -> bool:
        least = max(logging.getLogger("scvi").getEffectiveLevel(), _least_level.get())
        return record.levelno >= least


def _make_logger() -> logging.Logger:
    logger = logging.getLogger("scellm")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    if not logger.handlers:
        handler = RichHandler(show_path=False, show_time=False, console=Console(force_terminal=False, soft_wrap=True))
        handler.setFormatter(logging.Formatter("%(message)s"))
        handler.addFilter(_LevelFilter())
        logger.addHandler(handler)
    return logger


logger = _make_logger()


@contextmanager
def quiet() -> Iterator[None]:
    """Log only warnings, in this thread; used for data that are not the user's."""
    token = _least_level.set(logging.WARNING)
    try:
        yield
    finally:
        _least_level.reset(token)

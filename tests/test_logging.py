import logging
import threading

import pytest
import scvi
from rich.logging import RichHandler

from scellm._logging import _LevelFilter, logger, quiet


def passes(level: int) -> bool:
    return _LevelFilter().filter(logging.LogRecord("scellm", level, "", 0, "", (), None))


@pytest.mark.parametrize(("verbosity", "wanted"), [(logging.INFO, True), (logging.WARNING, False)])
def test_level_is_that_of_scvi_tools(verbosity, wanted):
    scvi.settings.verbosity = verbosity
    assert passes(logging.INFO) == wanted
    assert passes(logging.ERROR)


def test_quiet_leaves_warnings_and_other_threads():
    scvi.settings.verbosity = logging.INFO
    elsewhere = []
    with quiet():
        assert not passes(logging.INFO)
        assert passes(logging.WARNING)
        thread = threading.Thread(target=lambda: elsewhere.append(passes(logging.INFO)))
        thread.start()
        thread.join()
    assert elsewhere == [True], "another thread is not made quiet"
    assert passes(logging.INFO)


def test_has_one_handler_and_does_not_reach_the_root():
    assert sum(isinstance(h, RichHandler) for h in logger.handlers) == 1
    assert not logger.propagate

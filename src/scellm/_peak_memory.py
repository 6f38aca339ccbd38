"""Peak memory of this process while some code runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.002  # seconds between two looks
_STATM = Path("/proc/self/statm")


@dataclass
class Peak:
    """The largest memory that was seen.

    Parameters
    ----------
    bytes
        Resident memory of the whole process; 0 where the system does not say.
    """

    bytes: int = 0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Watch resident memory in a thread, every two milliseconds.

    On Linux it is the peak of this stretch of code. A Mac only knows the peak since the start of the process, and
    Windows is not asked.

    Yields
    ------
    Peak
        Filled in as the code runs.
    """
    found, over = Peak(_resident()), threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY):
            found.bytes = max(found.bytes, _resident())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
        found.bytes = max(found.bytes, _resident())


def _resident() -> int:
    """Resident memory of this process in bytes."""
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows

    if not _STATM.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on a Mac
    return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()

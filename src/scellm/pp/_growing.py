"""Arrays that grow at their end: in memory, or in a temporary file."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import numpy as np

_BLOCK = 1 << 20  # values that are converted at once


class Growing(Protocol):
    """An array that grows at its end."""

    def __len__(self) -> int: ...

    def extend(self, values: np.ndarray) -> None:
        """Append values."""

    def finish(self) -> np.ndarray:
        """The values."""


class InMemory:
    """An array in memory.

    Parameters
    ----------
    dtype
        Type of its values.
    room
        Values that it has room for at first; memory pages that are never written cost nothing.
    """

    def __init__(self, dtype: type, room: int = 0) -> None:
        self._data: np.ndarray = np.empty(room, dtype)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def extend(self, values: np.ndarray) -> None:
        """Append values."""
        if self._n + len(values) > len(self._data):
            larger = np.empty(max(len(self._data) * 5 // 4, self._n + len(values)), self._data.dtype)
            larger[: self._n] = self._data[: self._n]
            self._data = larger
        self._data[self._n : self._n + len(values)] = values
        self._n += len(values)

    def finish(self) -> np.ndarray:
        """The values; unused memory is released in place."""
        self._data.resize(self._n, refcheck=False)
        return self._data


class OnDisk:
    """An array in a temporary file, which is removed with the last array that reads it.

    The file is in the folder of :func:`tempfile.gettempdir`, which the environment variable TMPDIR sets.

    Parameters
    ----------
    dtype
        Type of its values.
    """

    def __init__(self, dtype: type) -> None:
        self._dtype, self._n = np.dtype(dtype), 0
        with _named_folder():
            self._file = tempfile.TemporaryFile(prefix="scellm-")  # noqa: SIM115  closed in finish, or with this object

    def __len__(self) -> int:
        return self._n

    def extend(self, values: np.ndarray) -> None:
        """Append values."""
        with _named_folder():
            self._file.write(np.ascontiguousarray(values, self._dtype).data)
        self._n += len(values)

    def finish(self) -> np.ndarray:
        """The values, mapped from the file and read-only."""
        with _named_folder():
            self._file.flush()
        with self._file as file:  # the map keeps a handle of its own
            return np.memmap(file, self._dtype, "r", shape=(self._n,)) if self._n else np.zeros(0, self._dtype)

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):  # a full disk was said before; there may be no file
            self._file.close()  # of an array that was never finished


@contextmanager
def _named_folder() -> Iterator[None]:
    """Say which folder is full or missing, and how to use another."""
    try:
        yield
    except OSError as error:
        msg = (
            "The bins of cells that stay on disk need a temporary file, and there is no room for it in "
            f"{tempfile.tempdir or 'the folder for temporary files'} ({error.strerror}). Set the environment variable "
            "TMPDIR to a folder with more room before Python starts."
        )
        raise OSError(error.errno, msg) from error


def widened(values: np.ndarray) -> np.ndarray:
    """The same numbers as int64: in memory, or block by block in a new temporary file if they are mapped."""
    if _map_of(values) is None:
        return values.astype(np.int64)
    out = OnDisk(np.int64)
    for start in range(0, len(values), _BLOCK):
        out.extend(values[start : start + _BLOCK])
    return out.finish()


def let_go(*arrays: np.ndarray) -> None:
    """Give the pages of mapped arrays back, so that resident memory does not grow with what was read.

    The pages of an array that cannot be written are clean: the next access reads them again, mostly from the system's
    cache.

    Parameters
    ----------
    *arrays
        Any arrays; those in memory, and those that can be written, stay as they are.
    """
    for values in arrays:
        pages = _map_of(values)
        if pages is not None and not values.flags.writeable and hasattr(pages, "madvise"):  # not on Windows
            pages.madvise(mmap.MADV_DONTNEED)


def _map_of(values: np.ndarray) -> mmap.mmap | None:
    """The map of a file that an array reads; `None` if it is in memory."""
    base: object = values
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    return base

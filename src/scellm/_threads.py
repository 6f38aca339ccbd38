"""Threads of torch on a machine that is busy with other work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from scellm._logging import logger

_said = False


@contextmanager
def calm_threads() -> Iterator[None]:
    """Compute with fewer threads while other programs keep the cores busy.

    Threads that wait for a core make all others wait: two programs with as many threads as there are cores slow each
    other down several times over. Nothing is changed if the user set `OMP_NUM_THREADS`. The state is put back at the
    end.
    """
    before = torch.get_num_threads()
    free = free_cores()
    if "OMP_NUM_THREADS" in os.environ or before <= free:
        yield
        return
    _say(free)
    torch.set_num_threads(free)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def free_cores() -> int:
    """Cores that are not used by other programs, at least 1, by the load of the last minute."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # not on Windows
    return max(1, cores - max(round(load) - 1, 0))  # this program is part of the load


def _say(threads: int) -> None:
    global _said
    if not _said:
        logger.info("this machine is busy: computing with %s threads. Set OMP_NUM_THREADS to choose", threads)
    _said = True

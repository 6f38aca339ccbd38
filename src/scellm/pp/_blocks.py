"""Work on blocks of rows in a few threads, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Block = TypeVar("Block")
Result = TypeVar("Result")


def map_blocks(work: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Result]:
    """Apply `work` to every block. NumPy lets go of the interpreter's lock in its loops, so threads share the cores.

    Parameters
    ----------
    work
        What to do with a block; must change nothing outside it.
    blocks
        Read one after another in the calling thread (files are not thread-safe), a few ahead, so memory stays bounded.

    Yields
    ------
    object
        Results, in the order of the blocks.
    """
    threads = min(os.cpu_count() or 1, 4)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for block in blocks:
            waiting.append(pool.submit(work, block))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

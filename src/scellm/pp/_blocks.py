"""Process blocks of rows in a few threads, with results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Block = TypeVar("Block")
Result = TypeVar("Result")


def map_blocks(work: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Result]:
    """Apply `work` to every block, in a few threads. NumPy releases the interpreter lock, so they use all cores.

    Parameters
    ----------
    work
        Function of a block, without side effects.
    blocks
        Read in the calling thread, as files are not thread-safe, and only a few ahead, so that memory stays bounded.

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

"""Samplers: the cells of a step depend only on the seed and the index of the step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from torch.utils.data import Sampler


class RowOrder(Protocol):
    """The order of cells in an epoch; `indices` are all cells that may be drawn."""

    indices: np.ndarray

    def __len__(self) -> int:
        """Cells per epoch."""

    def epoch(self, number: int, seed: int) -> np.ndarray:
        """Indices of the cells of an epoch, in their order."""


class RandomSampler:
    """Every cell once per epoch.

    Parameters
    ----------
    indices
        Indices of the cells.
    """

    def __init__(self, indices: np.ndarray) -> None:
        self.indices = np.asarray(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def epoch(self, number: int, seed: int) -> np.ndarray:
        """All indices, shuffled by seed and epoch."""
        return np.random.default_rng([seed, number]).permutation(self.indices)


class StepSampler(Sampler):
    """Cells for each step, epoch after epoch, from any step on.

    Parameters
    ----------
    order
        The order of cells in an epoch.
    batch_size
        Cells per step; cells left over at the end of an epoch are skipped in that epoch.
    steps
        Total number of steps.
    seed
        Seed of the shuffles.
    start
        Index of the first step.
    """

    def __init__(self, order: RowOrder, batch_size: int, steps: int, seed: int, start: int = 0) -> None:
        self.order, self.batch_size = order, min(batch_size, len(order))
        self.steps, self.seed, self.start = steps, seed, start

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches per epoch."""
        return max(len(self.order) // self.batch_size, 1)

    def __len__(self) -> int:
        return max(self.steps - self.start, 0)

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        drawn, current = np.zeros(0, int), -1
        for step in range(self.start, self.steps):
            epoch, at = divmod(step, self.steps_per_epoch)
            if epoch != current:
                drawn, current = self.order.epoch(epoch, self.seed), epoch
            yield step, drawn[at * self.batch_size : (at + 1) * self.batch_size]

"""Batches for pretraining: which cells a step sees depends on the seed and the number of the step alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import lightning.pytorch as pl
import numpy as np
from scvi import settings
from torch.utils.data import DataLoader, Dataset, Sampler


class Rows(Protocol):
    """Where a sampler gets the rows of an epoch; `rows` are all that may be drawn."""

    rows: np.ndarray

    def __len__(self) -> int:
        """Rows in an epoch."""

    def epoch(self, number: int, seed: int) -> np.ndarray:
        """The rows of an epoch, in the order that they are to be seen in."""


class ShuffledRows:
    """Every row once an epoch.

    Parameters
    ----------
    rows
        Numbers of the rows.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = np.asarray(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def epoch(self, number: int, seed: int) -> np.ndarray:
        """All rows, shuffled by the number of the epoch."""
        return np.random.default_rng([seed, number]).permutation(self.rows)


class StepSampler(Sampler):
    """Rows for each step, epoch after epoch; starting anywhere, as if never stopped.

    Parameters
    ----------
    rows
        Gives the rows of an epoch.
    batch_size
        Rows a step; what is left over at the end of an epoch waits for another.
    steps
        Number of steps in all.
    seed
        Of the shuffles.
    start
        Number of the first step given.
    """

    def __init__(self, rows: Rows, batch_size: int, steps: int, seed: int, start: int = 0) -> None:
        self.rows, self.batch_size = rows, min(batch_size, len(rows))
        self.steps, self.seed, self.start = steps, seed, start

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return max(len(self.rows) // self.batch_size, 1)

    def __len__(self) -> int:
        return max(self.steps - self.start, 0)

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        order, drawn = np.zeros(0, int), -1
        for step in range(self.start, self.steps):
            epoch, at = divmod(step, self.steps_per_epoch)
            if epoch != drawn:
                order, drawn = self.rows.epoch(epoch, self.seed), epoch
            yield step, order[at * self.batch_size : (at + 1) * self.batch_size]


class PretrainingBatches(pl.LightningDataModule):
    """The data side of pretraining for Lightning: one pass of the loader is the whole run.

    Parameters
    ----------
    dataset
        Gives views for `(step, rows)`.
    sampler
        Gives `(step, rows)`.
    """

    def __init__(self, dataset: Dataset, sampler: StepSampler) -> None:
        super().__init__()
        self.dataset, self.sampler = dataset, sampler
        self.n_train, self.n_val = len(sampler.rows), 0
        self.train_idx = sampler.rows.rows
        self.val_idx = self.test_idx = np.zeros(0, int)

    def train_dataloader(self) -> DataLoader:
        """One batch a step; workers as `scvi.settings.dl_num_workers` says."""
        return DataLoader(
            self.dataset, sampler=self.sampler, batch_size=None, num_workers=settings.dl_num_workers,
            persistent_workers=settings.dl_persistent_workers and settings.dl_num_workers > 0,
        )  # fmt: skip

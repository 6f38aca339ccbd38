"""Batches for pretraining: which cells a step sees depends on the seed and the number of the step alone."""

from __future__ import annotations

from collections.abc import Iterator

import lightning.pytorch as pl
import numpy as np
from scvi import settings
from torch.utils.data import DataLoader, Sampler

from scellm.data._dataset import ViewDataset


class StepSampler(Sampler):
    """Rows for each step, epoch after epoch, each epoch shuffled by its number; starting anywhere, as if never stopped.

    Parameters
    ----------
    rows
        Rows to draw from.
    batch_size
        Rows a step; what is left over at the end of an epoch waits for another.
    steps
        Number of steps in all.
    seed
        Of the shuffles.
    start
        Number of the first step given.
    """

    def __init__(self, rows: np.ndarray, batch_size: int, steps: int, seed: int, start: int = 0) -> None:
        self.rows, self.batch_size, self.steps, self.seed, self.start = (
            np.asarray(rows),
            min(batch_size, len(rows)),
            steps,
            seed,
            start,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return max(len(self.rows) // self.batch_size, 1)

    def __len__(self) -> int:
        return max(self.steps - self.start, 0)

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        order, shuffled = self.rows, -1
        for step in range(self.start, self.steps):
            epoch, at = divmod(step, self.steps_per_epoch)
            if epoch != shuffled:
                order, shuffled = np.random.default_rng([self.seed, epoch]).permutation(self.rows), epoch
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

    def __init__(self, dataset: ViewDataset, sampler: StepSampler) -> None:
        super().__init__()
        self.dataset, self.sampler = dataset, sampler
        self.n_train, self.n_val = len(sampler.rows), 0
        self.train_idx, self.val_idx, self.test_idx = sampler.rows, np.zeros(0, int), np.zeros(0, int)

    def train_dataloader(self) -> DataLoader:
        """One batch a step; workers as `scvi.settings.dl_num_workers` says."""
        return DataLoader(
            self.dataset, sampler=self.sampler, batch_size=None, num_workers=settings.dl_num_workers,
            persistent_workers=settings.dl_persistent_workers and settings.dl_num_workers > 0,
        )  # fmt: skip

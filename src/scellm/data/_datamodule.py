"""The data module of pretraining, for Lightning."""

from __future__ import annotations

import lightning.pytorch as pl
import numpy as np
from scvi import settings
from torch.utils.data import DataLoader, Dataset

from scellm.data._samplers import StepSampler


class PretrainingDataModule(pl.LightningDataModule):
    """A data module whose loader yields all steps of a run in one pass.

    Parameters
    ----------
    dataset
        Returns two views for `(step, rows)`.
    sampler
        Yields `(step, rows)`.
    """

    def __init__(self, dataset: Dataset, sampler: StepSampler) -> None:
        super().__init__()
        self.dataset, self.sampler = dataset, sampler
        self.n_train, self.n_val = len(sampler.order), 0
        self.train_idx = sampler.order.indices
        self.val_idx = self.test_idx = np.zeros(0, int)

    def train_dataloader(self) -> DataLoader:
        """One batch per step; `scvi.settings.dl_num_workers` sets the number of workers."""
        return DataLoader(
            self.dataset,
            sampler=self.sampler,
            batch_size=None,
            num_workers=settings.dl_num_workers,
            persistent_workers=settings.dl_persistent_workers and settings.dl_num_workers > 0,
        )

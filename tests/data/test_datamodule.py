import numpy as np

import scellm
from scellm.data import RandomSampler
from scellm.data._anndata_dataset import ViewDataset
from scellm.data._datamodule import PretrainingDataModule
from scellm.data._samplers import StepSampler


def test_one_pass_is_the_whole_run(model):
    order = RandomSampler(np.arange(10, 40))
    data = PretrainingDataModule(ViewDataset(model.adata_manager), StepSampler(order, 8, 5, seed=0, start=1))
    batches = list(data.train_dataloader())
    assert len(batches) == 4
    assert all(len(b["row"]) == 8 for b in batches)
    assert data.n_train == 30
    np.testing.assert_array_equal(data.train_idx, np.arange(10, 40))
    assert len(data.val_idx) == 0


def test_workers_are_those_of_the_settings(model):
    scellm.settings.dl_num_workers = 1
    try:
        order = RandomSampler(np.arange(20))
        data = PretrainingDataModule(ViewDataset(model.adata_manager), StepSampler(order, 8, 2, seed=0))
        assert data.train_dataloader().num_workers == 1
    finally:
        scellm.settings.dl_num_workers = 0

import numpy as np
import pytest

import scellm
from scellm.data._label_split import LabelSplit
from tests.conftest import SMALL, make_adata

TYPES = ["type 0", "type 1", "type 2"]


def split(model, size=0.2, indices=None, **kwargs):
    return LabelSplit.of(model.adata_manager, TYPES, indices, size, 0, **kwargs)


def test_every_type_is_held_out_in_proportion(model):
    made = split(model)
    assert np.bincount(made.codes[made.validation]).tolist() == [4, 4, 4]
    assert set(made.train).isdisjoint(made.validation)
    assert len(made.train) + len(made.validation) == 60
    np.testing.assert_array_equal(made.validation, split(model).validation)


def test_none_and_too_few_to_hold_out(model):
    assert len(split(model, 0).validation) == 0
    assert len(split(model, 0.9, indices=np.arange(6)).validation) == 0, "one cell of each pair stays in training"
    lone = split(model, 0.5, indices=[0, 1, 2, 3])
    assert {1, 2} <= set(lone.train), "a type with one cell is trained on"
    assert set(split(model, 0.5, indices=np.arange(12)).train) <= set(range(12))


def test_a_split_by_hand_is_kept(model):
    made = split(model, given=[[0, 1, 4], [2, 5], [7]])
    assert made.train.tolist() == [0, 1, 4]
    assert made.test.tolist() == [7]
    loader = made.loader(model.adata_manager, 4)
    loader.setup()
    assert sorted(loader.train_idx) == [0, 1, 4]
    assert sorted(loader.val_idx) == [2, 5]
    assert len(loader.train_idx) + len(loader.val_idx) + len(loader.test_idx) == 60


def test_labels_must_be_there():
    adata = make_adata(20)
    scellm.CellLM.setup_anndata(adata)
    with pytest.raises(ValueError, match="set up without cell types"):
        split(scellm.CellLM(adata, **SMALL))

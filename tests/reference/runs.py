"""Small models and short pretraining runs."""

import torch

import scellm
from tests.conftest import QUIET, SMALL, make_adata

OPTIONS = {"max_steps": 4, "batch_size": 16, "lr": 1e-3, **QUIET}
TRAIN = {"tune": "full", "max_epochs": 4, "batch_size": 16, "lr": 1e-3, "validation_size": 0.3, **QUIET}


def new(adata=None, seed=0, **options):
    adata = make_adata() if adata is None else adata
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type", malignancy_key="origin")
    scellm.settings.seed = seed
    return scellm.CellLM(adata, **{**SMALL, **options})


def weights(model):
    return {k: v.clone() for k, v in model.module.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)

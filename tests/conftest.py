"""Small AnnData objects with real gene names, small models, and real cells if they are available."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import settings

import scellm

settings.register_profile("fixed", derandomize=True, deadline=None)  # the same draws in every run; slow machines pass
settings.load_profile("fixed")

torch.set_num_threads(1)  # small models: threads cost more than they gain, and tests run in parallel

DATA = Path(os.environ.get("SCELLM_TEST_DATA", Path(__file__).parents[2] / "shared/data"))


@pytest.fixture(autouse=True)
def _quiet():
    """Hide Lightning's banner, and give every test the same seed."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.WARNING
    scellm.settings.seed = 0


def make_adata(
    n_obs: int = 60, n_vars: int = 2400, seed: int = 0, n_types: int = 3, kind=sp.csr_matrix, dtype=np.float32
) -> ad.AnnData:
    """Cells of a few types, each with some genes raised; raw counts of real symbols, cells of unequal depth."""
    rng = np.random.default_rng(seed)
    symbols = scellm.genes.load_vocabulary().symbols
    names = symbols[np.sort(rng.permutation(len(symbols))[:n_vars])]
    types = np.arange(n_obs) % n_types
    mean = np.full((n_types, n_vars), 0.02)
    for t in range(n_types):
        mean[t, t * 60 : t * 60 + 60] = 2.0
    depth = rng.lognormal(0, 0.5, n_obs)
    counts = rng.poisson(mean[types] * depth[:, None])
    adata = ad.AnnData(kind(counts.astype(dtype)), var=pd.DataFrame(index=names))
    adata.obs_names = [f"cell{i}" for i in range(n_obs)]
    adata.obs["cell_type"] = pd.Categorical([f"type {t}" for t in types])
    adata.obs["origin"] = np.where(types == 0, "tumor", "normal")
    return adata


@pytest.fixture
def adata() -> ad.AnnData:
    """Sixty cells, raw counts, CSR float32."""
    return make_adata()


@pytest.fixture
def prepared(adata) -> ad.AnnData:
    """Sixty cells, prepared and set up."""
    scellm.pp.prepare(adata)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type", malignancy_key="origin")
    return adata


SMALL = {"dim": 16, "depth": 2, "heads": 2, "dim_head": 8}
"""A small shape for tests."""

QUIET = {"accelerator": "cpu", "enable_progress_bar": False}


@pytest.fixture
def model(prepared) -> scellm.CellLM:
    """A small model with random weights on the sixty cells."""
    return scellm.CellLM(prepared, **SMALL)


def real(name: str) -> ad.AnnData:
    """Read real cells; skip the test, with a reason, if the file is missing."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs {name} of the shared data folder; set SCELLM_TEST_DATA")
    return ad.read_h5ad(path)


@pytest.fixture
def trained(prepared):
    model = scellm.CellLM(prepared, **SMALL)
    model.pretrain(max_steps=2, batch_size=20, **QUIET)
    return model


@pytest.fixture
def folder(trained, tmp_path):
    trained.save_pretrained(tmp_path / "weights", name="tiny", licence="CC0", data=["sixty made-up cells"])
    return tmp_path / "weights"


@pytest.fixture
def cells():
    """Cells of three donors."""
    adata = make_adata(n_obs=90)
    adata.obs["donor"] = np.array(list("abc"))[np.arange(90) // 30]
    return adata

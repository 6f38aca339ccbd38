"""Peak memory of one task on a file of cells: python -m tests.reference.peak_memory TASK FILE."""

from __future__ import annotations

import logging
import resource
import sys
import tempfile

import anndata as ad
import numpy as np
import scipy.sparse as sp

import scellm
from scellm.data import _pseudo_clusters

SHAPE = {"dim": 16, "depth": 1, "heads": 1, "dim_head": 16, "gene_embeddings": "random"}
QUIET = {"accelerator": "cpu", "enable_progress_bar": False}


def write(path: str, cells: int, genes: int = 500) -> None:
    """Write cells that express some `genes` genes each, as `.zarr` or `.h5ad`."""
    rng = np.random.default_rng(0)
    names = scellm.genes.load_vocabulary().symbols[:8000]
    column = np.sort(rng.integers(len(names), size=(cells, genes)), axis=1)
    new = np.diff(column, axis=1, prepend=-1) > 0
    offsets = np.concatenate([[0], np.cumsum(new.sum(1))])
    values = rng.geometric(0.5, int(offsets[-1])).astype(np.float32)
    adata = ad.AnnData(sp.csr_matrix((values, column[new].astype(np.int32), offsets), shape=(cells, len(names))))
    adata.var_names = names
    adata.obs_names = np.arange(cells).astype(str)
    adata.obs["cell_type"] = np.array(["a", "b"])[np.arange(cells) % 2]
    if path.endswith(".zarr"):
        adata.write_zarr(path)
    else:
        adata.write_h5ad(path)


def embed(path: str) -> None:
    adata = scellm.data.read_backed(path)
    scellm.CellLM.setup_anndata(adata)
    scellm.CellLM(adata, **SHAPE).get_latent_representation()


def annotate(path: str) -> None:
    some = scellm.data.read_backed(path)[:200].to_memory()
    scellm.CellLM.setup_anndata(some, labels_key="cell_type")
    model = scellm.CellLM(some, **SHAPE)
    model.train(**QUIET)
    scellm.tl.annotate(scellm.data.read_backed(path), model)


def pretrain(path: str) -> None:
    adata = scellm.data.read_backed(path)
    scellm.CellLM.setup_anndata(adata)
    scellm.CellLM(adata, **SHAPE).pretrain(max_steps=2, batch_size=32, **QUIET)


def corpus(path: str) -> None:
    _pseudo_clusters._FITTED = 1000  # components and centres are fitted on this many cells at most, whatever the file
    with tempfile.TemporaryDirectory() as folder:
        scellm.data.build_corpus(path, f"{folder}/corpus", min_genes=10)


TASKS = {f.__name__: f for f in (embed, annotate, pretrain, corpus)}

if __name__ == "__main__":
    scellm.settings.verbosity = logging.ERROR
    scellm.settings.seed = 0
    TASKS[sys.argv[1]](sys.argv[2])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

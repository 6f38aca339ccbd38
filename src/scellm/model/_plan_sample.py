"""Some cells of the data, on which the cost of a run is measured."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm._inputs import on_disk, require_anndata
from scellm._logging import quiet
from scellm.data import Corpus
from scellm.data._prepared import is_prepared, stored_bins
from scellm.genes import load_vocabulary
from scellm.model._cell_lm import CellLM
from scellm.nn import PRESETS

_CELLS = 1024  # enough for a mean number of genes within a few percent


@dataclass(frozen=True)
class Sample:
    """Cells drawn at random, and facts about all of them.

    Parameters
    ----------
    adata
        The drawn cells, in memory.
    cells
        Number of all cells.
    is_ready
        Whether all cells are prepared already, or their bins stay on disk.
    """

    adata: AnnData
    cells: int
    is_ready: bool

    def model(self, model: CellLM | str | PathLike) -> CellLM:
        """A model over the drawn cells, of the given weights, shape or size."""
        with _silently():
            if isinstance(model, str) and model in PRESETS:
                CellLM.setup_anndata(self.adata)
                return CellLM(self.adata, size=model, gene_embeddings="random")
            if isinstance(model, str | PathLike):
                return CellLM.from_pretrained(model, self.adata)
            if not isinstance(model, CellLM):
                msg = f"plan takes a CellLM, a size of {list(PRESETS)}, or weights; found {type(model).__name__}."
                raise TypeError(msg)
            CellLM.setup_anndata(self.adata)
            return CellLM(self.adata, **model._init_options())

    def lengths(self, model: CellLM) -> np.ndarray:
        """Expressed genes of each drawn cell that the model reads, int64, (drawn cells,)."""
        bins, ids = stored_bins(model.adata)
        known = np.concatenate([[0], np.cumsum(ids[bins.indices] >= 0)])
        return np.diff(known[bins.indptr])

    def genes_per_cell(self, model: CellLM) -> float:
        """Mean number of expressed genes that the model reads."""
        return float(self.lengths(model).mean())

    @cached_property
    def seconds_to_prepare(self) -> float:
        """Time of `prepare` for all cells that still need it."""
        if self.is_ready and is_prepared(self.adata):
            return 0.0
        start = time.perf_counter()
        with _silently():
            again = self.adata.copy()
            CellLM.setup_anndata(again)
        return (time.perf_counter() - start) * self.cells / self.adata.n_obs


def sample_of(data: Any, seed: int) -> Sample:
    """Draw cells.

    Parameters
    ----------
    data
        An AnnData, a corpus, or the folder of one.
    seed
        Seed of the draw.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it has no cells.
    """
    rng = np.random.default_rng(seed)
    if isinstance(data, Corpus) or (isinstance(data, str | PathLike) and (Path(data) / "corpus.json").exists()):
        corpus = data if isinstance(data, Corpus) else Corpus(data)
        return Sample(_of_corpus(corpus, _some(len(corpus), rng)), len(corpus), is_ready=True)
    adata = require_anndata(data, "scellm.plan")
    if not adata.n_obs:
        msg = "adata holds no cells (n_obs is 0). Check the filter that made it."
        raise ValueError(msg)
    drawn = adata[_some(adata.n_obs, rng)].to_memory()
    for key in [k for k in drawn.uns if k.startswith("_scvi")]:
        del drawn.uns[key]  # identifiers of scvi-tools, which belong to the whole data
    with _silently():
        return Sample(drawn, adata.n_obs, is_ready=is_prepared(adata) or on_disk(adata))


def _some(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.permutation(n)[:_CELLS])


def _of_corpus(corpus: Corpus, rows: np.ndarray) -> AnnData:
    """Cells of a corpus as an AnnData."""
    counts, symbols = corpus.counts(rows), load_vocabulary().symbols
    x = sp.csr_matrix((counts.count, counts.gene, counts.offsets), shape=(len(rows), len(symbols)))
    adata = AnnData(x)
    adata.var_names = symbols
    return adata


@contextmanager
def _silently() -> Iterator[None]:
    """Neither log nor warn: what is to be said about the data is said by the run itself."""
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        yield

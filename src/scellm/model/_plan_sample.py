"""Some cells of the data, on which the cost of a run is measured."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from scellm._inputs import cell_positions, require_anndata
from scellm._logging import quiet
from scellm._on_disk import on_disk
from scellm.data import Corpus
from scellm.data._prepared import is_prepared, stored_bins
from scellm.genes import load_vocabulary
from scellm.model._cell_lm import CellLM
from scellm.model._token_model import Indices
from scellm.nn import PRESETS
from scellm.pp import prepare

_CELLS = 1024  # enough for a mean number of genes within a few percent
_FEW = 64  # cells on which the time of a call by itself is measured
_ORIGIN = "malignancy_of_corpus"


@dataclass(frozen=True)
class Sample:
    """Cells drawn at random, and facts about all of them.

    Parameters
    ----------
    adata
        The drawn cells, in memory.
    cells
        Number of all cells.
    seconds_to_prepare
        Time of `prepare` for all cells; 0 if they are prepared.
    bins_in_memory
        Whether the run will put the bins of all cells into memory.
    """

    adata: AnnData
    cells: int
    seconds_to_prepare: float
    bins_in_memory: bool

    def model(self, model: CellLM | str | PathLike) -> CellLM:
        """A model over the drawn cells, of the given weights, shape or size."""
        with _silently():
            if isinstance(model, str) and model in PRESETS:
                CellLM.setup_anndata(self.adata, **self._keys())
                return CellLM(self.adata, size=model, gene_embeddings="random")
            if isinstance(model, str | PathLike):
                return CellLM.from_pretrained(model, self.adata)
            if not isinstance(model, CellLM):
                msg = f"plan takes a CellLM, a size of {list(PRESETS)}, or weights; found {type(model).__name__}."
                raise TypeError(msg)
            CellLM.setup_anndata(self.adata, **self._keys(model))
            return CellLM(self.adata, **model._init_options())

    def _keys(self, model: CellLM | None = None) -> dict[str, Any]:
        """Arguments of `setup_anndata`: those of the model whose columns are here, and the malignancy of a corpus."""
        given = {} if model is None else {k: v for k, v in model.registry_["setup_args"].items() if v is not None}
        here = {k: v for k, v in given.items() if not k.endswith("_key") or v in self.adata.obs}
        return here | ({"malignancy_key": _ORIGIN} if _ORIGIN in self.adata.obs else {})

    def lengths(self, model: CellLM) -> np.ndarray:
        """Expressed genes of each drawn cell that the model reads, int64, (drawn cells,)."""
        bins, ids = stored_bins(model.adata)
        known = np.concatenate([[0], np.cumsum(ids[bins.indices] >= 0)])
        return np.diff(known[bins.indptr])

    def genes_per_cell(self, model: CellLM) -> float:
        """Mean number of expressed genes that the model reads."""
        return float(self.lengths(model).mean())


def sample_of(data: Any, seed: int, indices: Indices = None) -> Sample:
    """Draw cells.

    Parameters
    ----------
    data
        An AnnData, a corpus, or the folder of one.
    seed
        Seed of the draw.
    indices
        Cells to draw from; by default all.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it has no cells.
    """
    rng = np.random.default_rng(seed)
    if is_corpus(data):
        corpus = data if isinstance(data, Corpus) else Corpus(data)
        rows = cell_positions(indices, pd.RangeIndex(len(corpus)))
        return Sample(_of_corpus(corpus, _some(rows, rng)), len(rows), 0.0, bins_in_memory=False)
    adata = require_anndata(data, "scellm.plan")
    rows = cell_positions(indices, adata.obs_names)
    if not len(rows):
        msg = "There are no cells to plan for. Check the filter that made adata, and indices=."
        raise ValueError(msg)
    drawn = adata[_some(rows, rng)].to_memory()
    for key in [k for k in drawn.uns if k.startswith("_scvi")]:
        del drawn.uns[key]  # identifiers of scvi-tools, which belong to the whole data
    with _silently():
        ready = is_prepared(adata)
        seconds = 0.0 if ready else _seconds_to_prepare(drawn, adata.n_obs)
    return Sample(drawn, len(rows), seconds, bins_in_memory=not ready and not on_disk(adata))


def is_corpus(data: Any) -> bool:
    """Whether `data` is a corpus or the folder of one."""
    return isinstance(data, Corpus) or (isinstance(data, str | PathLike) and (Path(data) / "corpus.json").exists())


def _seconds_to_prepare(drawn: AnnData, cells: int) -> float:
    """Time of `prepare` for some number of cells: what a call takes, and what each cell adds."""
    few = drawn[: min(_FEW, drawn.n_obs)].copy()
    seconds = []
    for part in (few, few, drawn):  # the first call also reads what is then kept, such as the vocabulary
        start = time.perf_counter()
        prepare(part, copy=True)
        seconds.append(time.perf_counter() - start)
    first, again, whole = seconds
    each = max(whole - again, 0.0) / max(drawn.n_obs - few.n_obs, 1)
    return first + each * (cells - few.n_obs)


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.permutation(rows)[:_CELLS])


def _of_corpus(corpus: Corpus, rows: np.ndarray) -> AnnData:
    """Cells of a corpus as an AnnData."""
    counts, symbols = corpus.counts(rows), load_vocabulary().symbols
    x = sp.csr_matrix((counts.count, counts.gene, counts.offsets), shape=(len(rows), len(symbols)))
    adata = AnnData(x)
    adata.var_names = symbols
    words = np.array(["unknown", "normal", "tumor"])  # for -1, 0, 1
    adata.obs[_ORIGIN] = words[corpus.arrays["malignancy"][rows].astype(int) + 1]
    return adata


@contextmanager
def _silently() -> Iterator[None]:
    """Neither log nor warn: what is to be said about the data is said by the run itself."""
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        yield

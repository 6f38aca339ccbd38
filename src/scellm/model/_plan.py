"""What a run will take, measured on a few cells before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from os import PathLike
from typing import Any

import torch
from anndata import AnnData

from scellm._options import in_range, one_of
from scellm._random import seeded
from scellm.data import Corpus
from scellm.model._cell_lm import CellLM
from scellm.model._plan_costs import embedding_cost, pretraining_cost
from scellm.model._plan_sample import is_corpus, sample_of

TASKS = ("embed", "annotate", "pretrain")


@dataclass(frozen=True)
class Plan:
    """Time and memory that a run is expected to take on this machine.

    Attributes
    ----------
    task
        "embed", "annotate" or "pretrain".
    model
        The model, in words.
    cells
        Number of cells of the data.
    genes_per_cell
        Mean number of expressed genes that the model knows, of the cells that were looked at.
    steps
        Optimiser steps; 0 if nothing is trained.
    seconds
        Expected time, without reading files into memory.
    memory
        Expected peak memory of this process in bytes, with what it holds now; 0 if the system does not say. The memory
        of a GPU is not planned.
    chunk_tokens
        Tokens that are computed at once.
    threads
        Threads that it was measured with.
    """

    task: str
    model: str
    cells: int
    genes_per_cell: float
    steps: int
    seconds: float
    memory: int
    chunk_tokens: int
    threads: int

    def __repr__(self) -> str:
        steps = f", {self.steps:,} steps" if self.steps else ""
        memory = f"{self.memory / 2**30:.1f} GiB" if self.memory else "not known"
        return (
            f"Plan: {self.task} with {self.model}, {self.cells:,} cells of {self.genes_per_cell:,.0f} genes{steps}\n"
            f"time        {_duration(self.seconds)}\n"
            f"peak memory {memory}\n"
            f"at once     {self.chunk_tokens:,} tokens, {self.threads} threads"
        )


def plan(
    adata: AnnData | Corpus | str | PathLike,
    model: CellLM | str | PathLike = "mini",
    *,
    task: str = "embed",
    budget: float = 30.0,
    seed: int = 0,
    **options: Any,
) -> Plan:
    """Measure what a run will take, on a few cells of the data, and change nothing.

    The model, or one of its shape, computes some of the cells, and time grows with the expressed genes of all. For
    pretraining, a few real steps are made with the options of the run, on one device, and their cost is scaled to the
    batch and the steps of the run. Nothing is written, and callbacks and loggers are not called. Expect an error of up
    to a quarter: more on a machine that is busy with something else, and a second in runs of a few seconds.

    Parameters
    ----------
    adata
        Cells by genes, in memory or on disk; for pretraining also a corpus, or its folder.
    model
        A model, the name of a size ("mini", "8m", "25m", "50m"), or the name or path of weights.
    task
        "embed" (also `get_latent_representation`), "annotate" (also `predict`), or "pretrain".
    budget
        Seconds that the measurement may take, about; eight cells, or a step of four, are always computed.
    seed
        Seed of the choice of cells.
    **options
        For "pretrain", the arguments of :meth:`scellm.CellLM.pretrain`, but for `corpus`, which is passed as the data.

    Returns
    -------
    Plan
        Time, peak memory and chunk size.

    Raises
    ------
    ValueError
        If the task is not known, or data or options are refused as in the run itself.
    TypeError
        If an option is not known, or data or model are of another kind.
    RuntimeError
        If types are to be predicted, and the model knows none.

    Examples
    --------
    >>> found = scellm.plan(adata, model)
    >>> found.cells
    60
    >>> scellm.plan("corpus", "25m", task="pretrain", max_steps=10_000, batch_size=512)  # doctest: +SKIP
    """
    _check(adata, model, task, budget, options)
    options = dict(options)
    with seeded(seed):
        sample = sample_of(adata, seed, options.pop("indices", None))
        start = time.perf_counter()
        measured = sample.model(model)
        making = time.perf_counter() - start
        try:
            if task == "pretrain":
                cost = pretraining_cost(measured, sample, budget, options)
            else:
                cost = embedding_cost(measured, sample, budget, types=task == "annotate")
            genes = sample.genes_per_cell(measured)
        finally:
            measured.deregister_manager(measured.adata)  # scvi-tools would keep the drawn cells
    return Plan(
        task=task,
        model=str(model) if isinstance(model, str | PathLike) else type(model).__name__,
        cells=sample.cells,
        genes_per_cell=genes,
        steps=cost.steps,
        seconds=cost.seconds + making,
        memory=cost.memory,
        chunk_tokens=cost.chunk_tokens,
        threads=torch.get_num_threads(),
    )


def _check(adata: Any, model: Any, task: str, budget: float, options: dict[str, Any]) -> None:
    """Raise for what the run itself would refuse before it looks at the data."""
    one_of("task", task, TASKS)
    in_range("budget", budget, 0, open_low=True)
    if task != "pretrain" and set(options) - {"indices"}:
        msg = f"{sorted(options)} are options of pretraining. Pass task='pretrain', or leave them out."
        raise TypeError(msg)
    if options.get("corpus") is not None:
        msg = "Pass the corpus as the data: scellm.plan(corpus, model, task='pretrain')."
        raise TypeError(msg)
    if task != "pretrain" and is_corpus(adata):
        msg = f"A corpus is for pretraining. Pass task='pretrain', or an AnnData for task={task!r}."
        raise TypeError(msg)
    if task == "annotate" and isinstance(model, CellLM):
        model._answering()


def _duration(seconds: float) -> str:
    """A time in words, to two units."""
    for name, size, smaller, small in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            whole, rest = divmod(round(seconds / small), size // small)
            return f"{whole:,} {name} {rest} {smaller}"
    return f"{seconds:.1f} s"

"""From a model and options to a pretraining run."""

from __future__ import annotations

from hashlib import sha256
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from scvi import settings
from scvi.model._utils import parse_device_args

from scellm import _keys
from scellm._logging import logger
from scellm.data._batches import PretrainingBatches, Rows, ShuffledRows, StepSampler
from scellm.data._corpus import Corpus
from scellm.data._corpus_batches import BalancedRows, CorpusDataset
from scellm.data._dataset import ViewDataset
from scellm.data._prepared import binning_of
from scellm.data._tokens import Tokens
from scellm.data._views import View, get_view, name_of_view
from scellm.model._fit import fit
from scellm.nn._expression_pooling import ExpressionPooling
from scellm.train._checkpoint import Checkpoint
from scellm.train._memory import chunk_tokens as choose_chunk_tokens
from scellm.train._memory import keep_tokens
from scellm.train._pretraining_plan import PretrainingPlan
from scellm.train._recipe import Recipe
from scellm.train._start_linear import start_linear

if TYPE_CHECKING:
    from scellm.model._cell_lm import CellLM

_CELLS_BY_DEFAULT, _EPOCHS_AT_MOST = 200_000, 50
_CELLS_TO_START = 20_000


def pretrain(
    model: CellLM,
    options: dict[str, Any],
    views: tuple[str | View, str | View],
    *,
    corpus: Corpus | str | PathLike | None,
    source_power: float,
    source_block: int,
    indices: Any,
    max_epochs: int | None,
    max_steps: int | None,
    batch_size: int,
    chunk_tokens: int | str,
    memory: int | str,
    checkpoint: str | PathLike | None,
    checkpoint_every: int,
    accelerator: str,
    devices: int | list[int] | str,
    **trainer_kwargs: Any,
) -> None:
    """Everything behind :meth:`scellm.CellLM.pretrain`, whose docstring describes the arguments."""
    if model.module.config.compat is not None:
        msg = "Imported weights are for embedding and fine-tuning: the published padding allows no exact pretraining. Make a CellLM of your own to pretrain."
        raise ValueError(msg)
    corpus = Corpus(corpus) if isinstance(corpus, str | PathLike) else corpus
    n = len(corpus) if corpus is not None else model._validate_anndata().n_obs
    rows = np.arange(n)[slice(None) if indices is None else np.asarray(indices)]
    _check_batch(rows, batch_size, options)
    _, _, device = parse_device_args(accelerator, devices, return_device="torch")
    recipe = _recipe(
        model,
        options,
        _steps(len(rows), batch_size, max_epochs, max_steps),
        device,
        chunk_tokens,
        memory,
        trainer_kwargs,
        has_origin=_has_origin(model, corpus),
    )
    seed = settings.seed if settings.seed is not None else int(torch.randint(2**31, ()))
    dataset, order = _data(model, (get_view(views[0]), get_view(views[1])), corpus, rows, source_power, source_block, seed)  # fmt: skip
    run = recipe.to_dict() | {"seed": seed, "batch_size": batch_size, "cells": _fingerprint(model, corpus, rows), "config": str(model.module.config), "views": [name_of_view(v) for v in views]}  # fmt: skip
    if corpus is not None:
        run |= {"corpus": corpus.card["sources"], "source_power": source_power, "source_block": source_block}
    saved = _checkpoint(checkpoint, checkpoint_every, run)
    sampler = StepSampler(order, batch_size, recipe.steps, seed, saved.start())
    undo = None if saved.start() else _start(model, dataset, order, seed)
    plan = PretrainingPlan(model.module, recipe, seed, saved)
    if len(sampler):
        trainer_options = {"simple_progress_bar": False, "log_every_n_steps": 1, **trainer_kwargs}
        try:
            fit(model, plan, PretrainingBatches(dataset, sampler), 1, accelerator, devices, **trainer_options)
        except BaseException:
            if undo is not None and not plan.rows:  # nothing was learned yet: the model is as it was given
                model.module.pooling.load_state_dict(undo)
            raise
    else:
        logger.info("pretrain: %s has all %s steps; its weights are used", checkpoint, f"{recipe.steps:,}")
        model.module.load_state_dict(saved.read()["module"])  # type: ignore[index]
        plan.rows, model.is_trained_ = saved.read()["rows"], True  # type: ignore[index]
    _add_history(model, plan.rows)


def _data(
    model: CellLM,
    views: tuple[View, View],
    corpus: Corpus | None,
    rows: np.ndarray,
    power: float,
    block: int,
    seed: int,
) -> tuple[ViewDataset | CorpusDataset, Rows]:
    """Where cells come from, and the order that they come in."""
    if corpus is None:
        return ViewDataset(model.adata_manager, views, seed), ShuffledRows(rows)
    dataset = CorpusDataset(corpus, binning_of(model._prepare_report()), views, seed)
    return dataset, BalancedRows(rows, corpus.arrays["source"][rows], power, block)


def _checkpoint(path: str | PathLike | None, every: int, run: dict[str, Any]) -> Checkpoint:
    if path is not None and settings.seed is None:
        msg = "A checkpoint can only be gone on from with the same random numbers. Set scvi.settings.seed = 0 (or another) first."
        raise ValueError(msg)
    return Checkpoint(path, every, _plain(run))


def _start(
    model: CellLM, dataset: ViewDataset | CorpusDataset, order: Rows, seed: int
) -> dict[str, torch.Tensor] | None:
    """Let a pooling that starts out linear learn its start from the training cells; what it was before, if it did."""
    pooling = model.module.pooling
    if not isinstance(pooling, ExpressionPooling) or pooling.started:
        return None
    before = {k: v.clone() for k, v in pooling.state_dict().items()}
    start_linear(pooling, Tokens.of(dataset.whole(np.sort(order.epoch(0, seed)[:_CELLS_TO_START]))), seed)
    return before


def _check_batch(rows: np.ndarray, batch_size: int, options: dict[str, Any]) -> None:
    least = 2 if "contrastive" in options["objectives"] and options["contrast"] is not None else 1
    if min(len(rows), batch_size) < least:
        msg = f"The contrastive objective compares cells: it needs at least two; found {len(rows)} cells and batch_size={batch_size}."
        raise ValueError(msg)


def _steps(n: int, batch_size: int, max_epochs: int | None, max_steps: int | None) -> int:
    per_epoch = max(n // min(batch_size, n), 1)
    if max_steps is not None:
        return max_steps
    if max_epochs is None:
        max_epochs = min(max(round(_CELLS_BY_DEFAULT / n), 1), _EPOCHS_AT_MOST)
        logger.info("pretrain: %s epochs of %s steps", max_epochs, per_epoch)
    return max_epochs * per_epoch


def _recipe(
    model: CellLM,
    options: dict[str, Any],
    steps: int,
    device: torch.device,
    chunk: int | str,
    memory: int | str,
    trainer_kwargs: dict[str, Any],
    *,
    has_origin: bool,
) -> Recipe:
    config = model.module.config
    if "origin" in options["objectives"] and not (has_origin and config.depth):
        options["objectives"] = tuple(o for o in options["objectives"] if o != "origin")
        why = "without blocks [CLS] sees no gene" if has_origin else "no cell is known to be tumour or normal"
        if not options["objectives"]:
            msg = f"There is nothing to learn: {why}, and origin is the only objective. Pass origin_key= to setup_anndata, or other objectives."
            raise ValueError(msg)
        logger.info("pretrain: %s, so the origin objective is left out", why)
    width = 2 if "16" in str(trainer_kwargs.get("precision", "32")) else 4
    return Recipe(
        steps=steps, chunk_tokens=choose_chunk_tokens(config, device, chunk),
        keep_tokens=keep_tokens(config, device, memory, width), **options,
    )  # fmt: skip


def _has_origin(model: CellLM, corpus: Corpus | None) -> bool:
    """Whether any cell is known to be tumour or normal."""
    if corpus is not None:
        return bool((corpus.arrays["origin"] >= 0).any())
    manager = model.adata_manager
    return _keys.ORIGIN_KEY in manager.data_registry and bool((manager.get_from_registry(_keys.ORIGIN_KEY) >= 0).any())


def _fingerprint(model: CellLM, corpus: Corpus | None, rows: np.ndarray) -> str:
    """Of which cells a run learns from: their numbers in the corpus, or their names."""
    names = rows if corpus is not None else model.adata.obs_names[rows]
    return sha256(pd.util.hash_pandas_object(pd.Index(names), index=False).to_numpy().tobytes()).hexdigest()


def _plain(run: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in run.items()}


def _add_history(model: CellLM, rows: list[dict[str, float]]) -> None:
    """One row a step, for each number of the plan, under the names that scvi-tools would give."""
    table = pd.DataFrame(rows).set_index("step")
    table.columns = [f"pretrain_{c}" for c in table.columns]
    model.history_ = (model.history_ or {}) | {c: table[[c]] for c in table.columns}

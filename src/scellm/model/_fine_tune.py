"""From a model and options to a fine-tuning run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scvi import REGISTRY_KEYS, settings
from scvi.dataloaders import DataSplitter
from sklearn.model_selection import StratifiedShuffleSplit

from scellm.model._fit import fit
from scellm.train._fine_tuning_plan import FineTuningPlan, tuned_parts

if TYPE_CHECKING:
    from scellm.model._cell_lm import CellLM


def fine_tune(
    model: CellLM,
    *,
    max_epochs: int,
    tune: str,
    batch_size: int,
    lr: float,
    class_weights: str | dict[str, float] | None,
    indices: Any,
    validation_size: float,
    early_stopping: bool,
    patience: int,
    accelerator: str,
    devices: int | list[int] | str,
    datasplitter_kwargs: dict[str, Any],
    plan_kwargs: dict[str, Any],
    **trainer_kwargs: Any,
) -> None:
    """Everything behind :meth:`scellm.CellLM.train`, whose docstring describes the arguments."""
    adata = model._validate_anndata()
    codes = _codes(model)
    rows = np.arange(adata.n_obs)[slice(None) if indices is None else np.asarray(indices)]
    _check_labels(model, codes[rows])
    tuned_parts(model.module, tune)  # raises before anything is done
    labelled = rows[codes[rows] < len(model._types())]
    split = datasplitter_kwargs.get("external_indexing") or _split(labelled, codes, validation_size)
    weights = type_weights(class_weights, codes[split[0]], model._types())
    rest = np.setdiff1d(
        np.arange(adata.n_obs), np.concatenate(split)
    )  # scvi-tools wants every cell named; these are not looked at
    split = [split[0], split[1], np.union1d(split[2], rest)]
    data = DataSplitter(
        model.adata_manager, batch_size=batch_size, **{**datasplitter_kwargs, "external_indexing": split}
    )
    validated = len(split[1]) > 0
    stop = early_stopping and validated
    plan = FineTuningPlan(model.module, tune=tune, lr=lr, class_weights=weights, restore_best=stop, **plan_kwargs)
    options: dict[str, Any] = {
        "check_val_every_n_epoch": 1 if validated else None,
        "early_stopping": stop,
        "early_stopping_patience": patience,
    }
    options |= {"early_stopping_monitor": "validation_loss", "early_stopping_mode": "min"}
    fit(model, plan, data, max_epochs, accelerator, devices, **{**options, **trainer_kwargs})


def _codes(model: CellLM) -> np.ndarray:
    if REGISTRY_KEYS.LABELS_KEY not in model.adata_manager.data_registry:
        msg = "The model was set up without cell types. Run CellLM.setup_anndata(adata, labels_key=...) and make the model anew."
        raise ValueError(msg)
    return np.asarray(model.adata_manager.get_from_registry(REGISTRY_KEYS.LABELS_KEY)).ravel().astype(int)


def _check_labels(model: CellLM, codes: np.ndarray) -> None:
    types = model._types()
    present = np.unique(codes[codes < len(types)])
    if len(present) < 2:
        column = model.adata_manager.get_state_registry(REGISTRY_KEYS.LABELS_KEY)["original_key"]
        found = f"only {types[present[0]]!r}" if len(present) else "no labelled cell"
        msg = f"Telling cell types apart takes at least two; among the {len(codes):,} cells given, adata.obs[{column!r}] holds {found}."
        raise ValueError(msg)


def _split(rows: np.ndarray, codes: np.ndarray, validation_size: float) -> list[np.ndarray]:
    """Training and validation cells, every type alike; a type with one cell is trained on."""
    none = np.zeros(0, dtype=int)
    if not 0 <= validation_size < 1:
        msg = f"validation_size must be in [0, 1); found {validation_size}."
        raise ValueError(msg)
    types, n = np.unique(codes[rows], return_counts=True)
    several = np.isin(codes[rows], types[n > 1])
    n_validation = round(validation_size * int(several.sum()))
    if n_validation == 0:
        return [rows, none, none]
    n_types = int((n > 1).sum())
    n_validation = max(n_validation, n_types)
    if several.sum() - n_validation < n_types:
        return [rows, none, none]
    seed = settings.seed if settings.seed is not None else 0
    pool = rows[several]
    train, validation = next(
        StratifiedShuffleSplit(1, test_size=n_validation, random_state=seed).split(pool, codes[pool])
    )
    return [np.sort(np.concatenate([pool[train], rows[~several]])), np.sort(pool[validation]), none]


def type_weights(
    class_weights: str | dict[str, float] | None, codes: np.ndarray, types: list[str]
) -> torch.Tensor | None:
    """Weight of each type in the loss, with mean 1 over the types that are there.

    Parameters
    ----------
    class_weights
        `None`, "balanced" (one over the type's number), "paper-code" (the squared share of the other types) or a dictionary.
    codes
        Type of each training cell.
    types
        Names of the types.

    Returns
    -------
    torch.Tensor or None
        float32, (types,).

    Raises
    ------
    ValueError
        If the word is not known or a type has no weight.
    """
    if class_weights is None:
        return None
    n = np.bincount(codes, minlength=len(types))
    if isinstance(class_weights, dict):
        lacking = [t for t in types if t not in class_weights]
        if lacking:
            msg = f"class_weights has no weight for {lacking[:3]}; the types are {types}."
            raise ValueError(msg)
        weights = np.array([class_weights[t] for t in types], dtype=float)
    elif class_weights == "balanced":
        weights = np.where(n > 0, 1 / np.maximum(n, 1), 0)
    elif class_weights == "paper-code":
        weights = (1 - n / n.sum()) ** 2
    else:
        msg = f"class_weights={class_weights!r} is not known; expected None, 'balanced', 'paper-code' or a weight for each type."
        raise ValueError(msg)
    return torch.tensor(weights / weights[n > 0].mean(), dtype=torch.float32)

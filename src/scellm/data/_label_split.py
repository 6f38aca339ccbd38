"""Split labelled cells into training and validation cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.dataloaders import DataSplitter
from sklearn.model_selection import StratifiedShuffleSplit

from scellm._inputs import cell_positions


@dataclass(frozen=True)
class LabelSplit:
    """Which labelled cells are trained on, and which are held out for validation.

    Parameters
    ----------
    train, validation, test
        Indices of cells, int64; the test set is never used.
    codes
        Type of every cell of the data, int64, (n_obs,); the last code is "unlabelled".
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    codes: np.ndarray

    @classmethod
    def of(
        cls,
        manager: AnnDataManager,
        types: list[str],
        indices: Any,
        validation_size: float,
        seed: int,
        given: list[np.ndarray] | None = None,
    ) -> Self:
        """Split the labelled cells of an AnnData, in the same proportion for every type.

        Parameters
        ----------
        manager
            Manager of an AnnData that was set up with labels.
        types
            Names of the types, in the order of their codes.
        indices
            Cells that may be used; `None` for all.
        validation_size
            Share of the labelled cells to hold out.
        seed
            Seed of the split.
        given
            Training, validation and test cells, if the user sets them.

        Returns
        -------
        LabelSplit
            The split; a type with a single cell is used for training.

        Raises
        ------
        ValueError
            If there are no labels, or fewer than two types among the cells.
        """
        codes = _codes(manager)
        rows = cell_positions(indices, manager.adata.obs_names)
        _check_types(manager, codes[rows], types)
        if given is not None:
            train, validation, test = (np.asarray(part) for part in given)
            return cls(train, validation, test, codes)
        labelled = rows[codes[rows] < len(types)]
        train, validation = stratified(labelled, codes, validation_size, seed)
        return cls(train, validation, np.zeros(0, dtype=int), codes)

    def loader(self, manager: AnnDataManager, batch_size: int, **kwargs: Any) -> DataSplitter:
        """The data splitter for Lightning; scvi-tools needs all cells, so unused cells count as test cells."""
        used = np.concatenate([self.train, self.validation, self.test])
        rest = np.setdiff1d(np.arange(len(self.codes)), used)
        parts = [self.train, self.validation, np.union1d(self.test, rest)]
        return DataSplitter(manager, batch_size=batch_size, **{**kwargs, "external_indexing": parts})


def _codes(manager: AnnDataManager) -> np.ndarray:
    if REGISTRY_KEYS.LABELS_KEY not in manager.data_registry:
        msg = "The model was set up without cell types. Run setup_anndata(adata, labels_key=...) and make a new model."
        raise ValueError(msg)
    return np.asarray(manager.get_from_registry(REGISTRY_KEYS.LABELS_KEY)).ravel().astype(int)


def _check_types(manager: AnnDataManager, codes: np.ndarray, types: list[str]) -> None:
    present = np.unique(codes[codes < len(types)])
    if len(present) < 2:
        column = manager.get_state_registry(REGISTRY_KEYS.LABELS_KEY)["original_key"]
        found = f"only {types[present[0]]!r}" if len(present) else "no labelled cell"
        msg = (
            f"Predicting cell types needs at least two types; among the {len(codes):,} cells given, "
            f"adata.obs[{column!r}] holds {found}."
        )
        raise ValueError(msg)


def stratified(rows: np.ndarray, codes: np.ndarray, validation_size: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation cells, the same share of every type; a single cell of a type is used for training."""
    none = np.zeros(0, dtype=int)
    types, n = np.unique(codes[rows], return_counts=True)
    several = np.isin(codes[rows], types[n > 1])
    n_validation = round(validation_size * int(several.sum()))
    if n_validation == 0:
        return rows, none
    n_types = int((n > 1).sum())
    n_validation = max(n_validation, n_types)
    if several.sum() - n_validation < n_types:
        return rows, none
    pool = rows[several]
    splitter = StratifiedShuffleSplit(1, test_size=n_validation, random_state=seed)
    train, validation = next(splitter.split(pool, codes[pool]))
    return np.sort(np.concatenate([pool[train], rows[~several]])), np.sort(pool[validation])

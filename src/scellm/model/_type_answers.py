"""What a model answers about cell types: names, probabilities and p-values."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Literal, overload

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scipy.special import softmax
from scvi import REGISTRY_KEYS

from scellm._inputs import cell_positions
from scellm.data._fields import LabelField
from scellm.model._annotator import Annotator
from scellm.model._conformal import Conformal
from scellm.model._encodings import at_once
from scellm.model._own_head import OwnHead
from scellm.model._token_model import Indices, TokenModel


class TypeAnswers(TokenModel):
    """Base class of models with an annotation head: what they know, and `predict`."""

    _own_head: OwnHead | None = None
    _conformal: Conformal | None = None
    _annotator: Annotator | None = None
    """The types of a head that came with weights, until `train` learns others."""

    def _types(self) -> list[str]:
        """Names of the cell types, in the order of the head's logits; none without labels or a head in the weights."""
        return self._types_of_labels() if self._annotator is None else self._annotator.names

    def _types_of_labels(self) -> list[str]:
        """Names of the types that the model's own labels hold."""
        fields = self.registry_["field_registries"]
        if REGISTRY_KEYS.LABELS_KEY not in fields:
            return []
        return list(fields[REGISTRY_KEYS.LABELS_KEY]["state_registry"][LabelField.CATEGORICAL_MAPPING_KEY])[:-1]

    @property
    def _knows_types(self) -> bool:
        return "train" in self.configs_ or self._annotator is not None

    @property
    def cell_types(self) -> pd.DataFrame:
        """The cell types that :meth:`predict` chooses from.

        Returns
        -------
        pandas.DataFrame
            One row a type, in the order of the probabilities: `name`, `id` (Cell Ontology, or ""), `coarse` and
            `coarse_id`, which are the same as the former for types with one level, and `min_confidence`, the
            probability from which on :func:`scellm.tl.annotate` gives the type.

        Raises
        ------
        RuntimeError
            If the model knows no cell types.
        """
        return self._answering().types.copy()

    def _answering(self) -> Annotator:
        """The types in use, those of the weights or those that were learned; raises RuntimeError if there are none."""
        if not self._knows_types:
            msg = (
                "This model was not trained on cell types. Set up with labels_key=..., then run model.train(); or take "
                "weights that know types: scellm.CellLM.available()."
            )
            raise RuntimeError(msg)
        return Annotator.of_names(self._types()) if self._annotator is None else self._annotator

    @property
    def labels_key(self) -> str | None:
        """Column of `obs` that the model learns types from; `None` if it was set up without labels."""
        fields = self.registry_["field_registries"]
        if REGISTRY_KEYS.LABELS_KEY not in fields:
            return None
        return fields[REGISTRY_KEYS.LABELS_KEY]["state_registry"]["original_key"]

    def features_of(self, adata: AnnData | None = None) -> str:
        """Which features :meth:`predict` uses for these cells.

        Parameters
        ----------
        adata
            Cells, prepared; by default those of the model.

        Returns
        -------
        str
            "embedding and components" for cells that the head was solved on, which are known by their contents, else
            "embedding"; both with the number of cells if some are known and some are not.
        """
        places = self._places(self._validate_anndata(adata))
        known = int((places >= 0).sum())
        if not known:
            return "embedding"
        if known == len(places):
            return "embedding and components"
        return f"embedding and components for {known:,} cells, embedding for {len(places) - known:,}"

    def _places(self, adata: AnnData) -> np.ndarray:
        """Which of the cells that the head was solved on each cell is; -1 for others."""
        return np.full(adata.n_obs, -1) if self._own_head is None else self._own_head.places(adata)

    @overload
    def predict(
        self,
        adata: AnnData | None = None,
        *,
        indices: Indices = None,
        soft: Literal[False] = False,
        batch_size: int | None = None,
    ) -> np.ndarray: ...

    @overload
    def predict(
        self,
        adata: AnnData | None = None,
        *,
        indices: Indices = None,
        soft: Literal[True],
        batch_size: int | None = None,
    ) -> pd.DataFrame: ...

    def predict(
        self,
        adata: AnnData | None = None,
        *,
        indices: Indices = None,
        soft: bool = False,
        batch_size: int | None = None,
    ) -> np.ndarray | pd.DataFrame:
        """Predict cell types.

        Parameters
        ----------
        adata
            Cells; by default those of the model. No labels are needed.
        indices
            Cells to predict, in any order; by default all.
        soft
            Return probabilities.
        batch_size
            Cells read at once; affects the speed, not the result.

        Returns
        -------
        numpy.ndarray or pandas.DataFrame
            Names, (n,); or float32 probabilities, (n, types), indexed by cell, one column per type. The name is that of
            the most probable type; for coarse answers and "unknown" there is :func:`scellm.tl.annotate`.

        Raises
        ------
        RuntimeError
            If the model knows no cell types.
        """
        names = self._answering().names
        blocks = self._type_logits(adata, indices, batch_size)
        parts = [softmax(logits, axis=1).astype(np.float32) for _, logits, _ in blocks]
        probabilities = np.concatenate(parts)
        types = np.array(names, dtype=object)
        if not soft:
            return types[probabilities.argmax(1)]
        return pd.DataFrame(probabilities, index=self._cell_names(adata, indices), columns=types)

    def predict_p_values(
        self,
        adata: AnnData | None = None,
        *,
        coverage: float = 0.95,
        indices: Indices = None,
        batch_size: int | None = None,
    ) -> pd.DataFrame:
        """How well each cell fits each cell type, as conformal p-values; a cell that fits none may be of another type.

        The types with `p > 1 - coverage` are a set that holds the type of a cell with probability `coverage`, if the
        cell is of the same data as those that the model was trained with. Between studies this does not hold. The
        cells that calibrate it were predicted by heads that had not learned from them; after training by steps, these
        are the validation cells, which also chose the epoch. Cells that the model learned from fit by construction.

        Parameters
        ----------
        adata
            Cells; by default those of the model. No labels are needed.
        coverage
            Probability with which the set shall hold the type. It also says from how many calibration cells on a type
            has p-values of its own: `coverage / (1 - coverage)`, so 19. Other types are compared with all cells.
        indices
            Cells to predict, in any order; by default all.
        batch_size
            Cells read at once; affects the speed, not the result.

        Returns
        -------
        pandas.DataFrame
            float64, (n, types), indexed by cell, one column per type.

        Raises
        ------
        RuntimeError
            If the model knows no cell types, or its head came with weights and has no calibration.
        ValueError
            If `coverage` is not between 0 and 1, or there are too few calibration cells for it.
        """
        types = np.array(self._answering().names, dtype=object)
        conformal = self._calibration(coverage)
        blocks = self._type_logits(adata, indices, batch_size)
        p = np.concatenate([conformal.p_values(*block, coverage) for block in blocks])
        return pd.DataFrame(p, index=self._cell_names(adata, indices), columns=types)

    def _calibration(self, coverage: float) -> Conformal:
        """The calibration of p-values; raises RuntimeError or ValueError if there is none, or none for `coverage`."""
        if not isinstance(coverage, Real) or isinstance(coverage, bool) or not 0 < coverage < 1:
            msg = f"coverage={coverage!r} is not possible; expected a number between 0 and 1, such as 0.95."
            raise ValueError(msg)
        if self._conformal is None:
            msg = (
                "This model has no calibration cells for p-values of types: its head came with weights, was saved by "
                "an earlier version, or was trained by steps without validation cells. Run model.train() on labelled "
                "cells."
            )
            raise RuntimeError(msg)
        self._conformal.check(float(coverage))
        return self._conformal

    def _type_logits(
        self, adata: AnnData | None, indices: Indices, batch_size: int | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Embeddings, calibrated logits, and which cells are the model's own: (n, d), (n, types), (n,).

        Of many cells, they are given block by block: the embeddings of an atlas are larger than its answers.
        """
        data = self._validate_anndata(adata)
        rows, places = cell_positions(indices, data.obs_names), self._places(data)
        step = at_once(self._encoder.config.cell_dim)
        for start in range(0, max(len(rows), 1), step):
            some = rows[start : start + step]
            cells = self._embed(adata, some, batch_size)
            with torch.inference_mode():
                logits = self.module.type_logits(cells.to(self.device)).double().cpu().numpy()
            known = places[some] >= 0
            if self._own_head is not None and known.any():
                logits[known] = self._own_head.logits(cells.numpy()[known], places[some][known])
            yield cells.numpy(), logits, known

"""CellLM as a method for benchmarks, with the interface of the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm.model._cell_lm import CellLM


class CellLMClassifier:
    """Pretrained weights, fine-tuned on the labelled cells of a task.

    Parameters
    ----------
    weights
        As for :meth:`scellm.CellLM.from_pretrained`.
    **options
        Options of :meth:`scellm.CellLM.train`.

    Examples
    --------
    >>> methods = {"CellLM": lambda: scellm.model.CellLMClassifier(max_epochs=20, tune="head")}
    >>> task = scellm.bm.Task("blood", adata, "cell_type", scellm.bm.FewLabels(5))
    >>> results = scellm.bm.run([task], methods, seeds=1)  # doctest: +SKIP
    """

    def __init__(self, weights: str | PathLike = "celllm-bag", **options: Any) -> None:
        self.weights, self.options = weights, options

    def fit(self, adata: AnnData, labels_key: str, *, indices: Sequence[int] | np.ndarray | None = None) -> Self:
        """Load the weights and train on labelled cells.

        Parameters
        ----------
        adata
            Cells by genes; set up again with these labels, "" for unlabelled cells.
        labels_key
            Column of `obs` with the types.
        indices
            Cells whose types may be used; by default all.

        Returns
        -------
        CellLMClassifier
            Itself.
        """
        CellLM.setup_anndata(adata, labels_key=labels_key, unlabeled_category="")
        self.model = CellLM.from_pretrained(self.weights, adata)
        self.model.train(indices=indices, **self.options)
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Predicted cell types, (n,)."""
        return self.model.predict(adata, indices=indices)

    def predict_proba(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> pd.DataFrame:
        """Probabilities of the types, float32, (n, types)."""
        return self.model.predict(adata, indices=indices, soft=True)

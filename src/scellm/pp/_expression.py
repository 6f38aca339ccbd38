"""The expression of an AnnData: one matrix, the kind of its values, and its counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm._compat import layer_names
from scellm.pp._candidates import Choice, choose, judge
from scellm.pp._detected import DetectedInput
from scellm.pp._linear import linear
from scellm.pp._matrix import SUM, Matrix, matrix_names


@dataclass(frozen=True)
class Expression:
    """A matrix and the kind of its values; converts any kind of values to linear ones.

    Parameters
    ----------
    matrix
        The matrix that holds the values.
    detected
        The detected kind.
    guess
        What was guessed and what would settle it; "" if nothing was.
    """

    matrix: Matrix
    detected: DetectedInput
    guess: str = ""

    def linear(self, rows: sp.csr_matrix) -> tuple[sp.csr_matrix, np.ndarray]:
        """Values of genes, proportional to counts, and each cell's total on the same scale; see `linear`."""
        return linear(rows, self.detected)


def find_expression(adata: AnnData, layer: str | None = None) -> Expression:
    """Find the matrix that is closest to raw counts.

    Parameters
    ----------
    adata
        Cells by genes.
    layer
        Use this layer only ("X" and "raw" are understood too).

    Returns
    -------
    Expression
        The best candidate.

    Raises
    ------
    KeyError
        If `layer` does not exist.
    ValueError
        If no matrix holds counts or values that they can be recovered from.
    """
    choice = weigh(adata, layer)
    if choice.best is None:
        found = choice.others
        seen = "; ".join(f"adata.{c.matrix.name}: {c.detected.why}" for c in found) or "no matrix at all"
        msg = (
            f"scellm needs raw counts, or their log1p, in X, a layer or raw. Found {seen}. "
            "Store the counts before scaling: adata.layers['counts'] = counts, then scellm.pp.prepare(adata)."
        )
        raise ValueError(msg)
    return Expression(choice.best.matrix, choice.best.detected, choice.guess)


def weigh(adata: AnnData, layer: str | None = None) -> Choice:
    """Judge every matrix, and choose one; changes nothing."""
    names = matrix_names(adata) if layer is None else [_layer_name(adata, layer)]
    return choose(judge(Matrix.all_of(adata, names)))


def _layer_name(adata: AnnData, layer: str) -> str:
    if layer in layer_names(adata):
        return f"layers/{layer}"
    if SUM in layer and all(part.removeprefix("layers/") in layer_names(adata) for part in layer.split(SUM)):
        return layer
    if (layer == "X" and adata.X is not None) or (layer == "raw" and adata.raw is not None):
        return layer
    msg = (
        f"layer={layer!r} is not in adata.layers, which holds {layer_names(adata)}. Leave layer out to have the counts "
        "found."
    )
    raise KeyError(msg)

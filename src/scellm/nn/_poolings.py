"""Poolings by name."""

from __future__ import annotations

from scellm.nn._expression_pooling import ExpressionPooling
from scellm.nn._mean_pooling import ClsPooling, MeanPooling
from scellm.nn._pooling import Pooling
from scellm.nn._sparse_pooling import SparsePooling

POOLINGS: dict[str, type[Pooling]] = {
    "sparse": SparsePooling,
    "expression": ExpressionPooling,
    "mean": MeanPooling,
    "cls": ClsPooling,
}
"""Poolings by name. To add one, write a file with a :class:`Pooling` and list it here."""

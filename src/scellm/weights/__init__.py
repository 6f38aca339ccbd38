"""Weights: the file format, weights by name, and checks of the tensors."""

from scellm._tensors import fingerprint
from scellm.weights._base import load_weights, without_base
from scellm.weights._file import read_card, read_weights, write_weights
from scellm.weights._registry import available, find_weights

__all__ = [
    "available",
    "find_weights",
    "fingerprint",
    "load_weights",
    "read_card",
    "read_weights",
    "without_base",
    "write_weights",
]

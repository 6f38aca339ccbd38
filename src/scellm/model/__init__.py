"""The models: AnnData in, arrays out."""

from scellm.model._cell_lm import CellLM

__all__ = ["CellLM"]

"""Encoder, pooling and heads, put together as scvi-tools calls a module."""

from scellm.module._cell_encoder import CellEncoder
from scellm.module._cell_lm_module import CellLMModule
from scellm.module._grow import initialize_from_shallower

__all__ = ["CellEncoder", "CellLMModule", "initialize_from_shallower"]

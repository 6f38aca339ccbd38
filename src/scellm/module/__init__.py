"""Modules in the sense of scvi-tools: encoder, pooling and heads combined."""

from scellm.module._cell_encoder import CellEncoder
from scellm.module._cell_lm_module import CellLMModule
from scellm.module._drug_response_module import DrugResponseModule
from scellm.module._grow import initialize_from_shallower

__all__ = ["CellEncoder", "CellLMModule", "DrugResponseModule", "initialize_from_shallower"]

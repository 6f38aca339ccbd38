"""What a model can tell from its registry: the data it was made for."""

from __future__ import annotations

from typing import Any

from scvi import REGISTRY_KEYS

from scellm.data._fields import GeneTokenField, LabelField
from scellm.nn._module import CellLMModule
from scellm.pp import load_vocabulary


def report_in(registry: dict[str, Any]) -> dict[str, Any]:
    """What `prepare` found in the data."""
    return registry["field_registries"][REGISTRY_KEYS.X_KEY]["state_registry"][GeneTokenField.REPORT_KEY]


def types_in(registry: dict[str, Any]) -> list[str]:
    """Names of the cell types, without "unlabelled"; none if no labels were set up."""
    fields = registry["field_registries"]
    if REGISTRY_KEYS.LABELS_KEY not in fields:
        return []
    return list(fields[REGISTRY_KEYS.LABELS_KEY]["state_registry"][LabelField.CATEGORICAL_MAPPING_KEY])[:-1]


def summary(size: str, module: CellLMModule, registry: dict[str, Any]) -> str:
    """One sentence on a model, for its `repr`."""
    config = module.config
    parameters = sum(p.numel() for p in module.encoder.parameters())
    return (
        f"CellLM ({size}): {parameters:,} parameters in the encoder, {config.depth} blocks of width {config.dim}, {config.heads} heads of "
        f"{config.dim_head}, attention {config.attention!r}, dropout {config.dropout:g}; {len(load_vocabulary()):,} genes in the vocabulary, "
        f"{report_in(registry)['genes_matched']:,} of them in the data; {len(types_in(registry))} cell types"
    )

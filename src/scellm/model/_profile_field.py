"""The field that DrugResponse registers: a matrix of profiles, read by gene names."""

from __future__ import annotations

from anndata import AnnData
from scvi import REGISTRY_KEYS
from scvi.data.fields import LayerField


class ProfileField(LayerField):
    """Profiles of cell lines; a query may have other genes in any order.

    Parameters
    ----------
    layer
        Layer with the profiles; by default `X`.
    """

    def __init__(self, layer: str | None = None) -> None:
        super().__init__(REGISTRY_KEYS.X_KEY, layer, is_count_data=False, correct_data_format=False)

    def validate_field(self, adata: AnnData) -> None:
        """Profiles are checked when they are read."""

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: object) -> dict:
        """Genes of a query are matched by name."""
        return self.register_field(adata_target)

"""The data manager, from which every scvi-tools loader gets its dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anndata import AnnData
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from torch.utils.data import Dataset, Subset

from scellm.data._anndata_dataset import TokenDataset
from scellm.data._prepared import in_obsm


class TokenDataManager(AnnDataManager):
    """An AnnDataManager whose loaders give packed tokens; see :class:`scvi.data.AnnDataManager`."""

    def register_fields(self, adata: AnnData, source_registry: dict | None = None, **transfer_kwargs: Any) -> None:
        """As scvi-tools does; then note where the bins are, which is known once the data are prepared."""
        super().register_fields(adata, source_registry, **transfer_kwargs)
        if REGISTRY_KEYS.X_KEY in self._registry["field_registries"]:
            place = "obsm" if in_obsm(adata) else "layers"
            self._registry["field_registries"][REGISTRY_KEYS.X_KEY]["data_registry"]["attr_name"] = place

    def create_torch_dataset(
        self,
        indices: Sequence[int] | None = None,
        data_and_attributes: list[str] | None = None,
        load_sparse_tensor: bool = False,  # noqa: FBT001, FBT002  scvi-tools' signature
    ) -> Dataset:
        """Packed tokens of all cells, or of some in the given order."""
        dataset = TokenDataset(self)
        return dataset if indices is None else Subset(dataset, indices)

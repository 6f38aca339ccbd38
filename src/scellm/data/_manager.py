"""The data manager, from which every scvi-tools loader gets its dataset."""

from __future__ import annotations

from collections.abc import Sequence

from scvi.data import AnnDataManager
from torch.utils.data import Dataset, Subset

from scellm.data._anndata_dataset import TokenDataset


class TokenDataManager(AnnDataManager):
    """An AnnDataManager whose loaders give packed tokens; see :class:`scvi.data.AnnDataManager`."""

    def create_torch_dataset(
        self,
        indices: Sequence[int] | None = None,
        data_and_attributes: list[str] | None = None,
        load_sparse_tensor: bool = False,  # noqa: FBT001, FBT002  scvi-tools' signature
    ) -> Dataset:
        """Packed tokens of all cells, or of some in the given order."""
        dataset = TokenDataset(self)
        return dataset if indices is None else Subset(dataset, indices)

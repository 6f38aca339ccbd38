"""Where the bins of a matrix are stored: in a layer, or, for genes that `adata` lacks, in `obsm`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm import _keys
from scellm._compat import layer_names
from scellm.genes import GeneMatch
from scellm.genes._match import UNKNOWN
from scellm.pp._binning import Columns
from scellm.pp._matrix import Matrix


def of_genes_only(match: GeneMatch, matrix: Matrix) -> GeneMatch:
    """The match without columns that are no genes: the antibody CD4 is not the gene CD4."""
    is_gene = matrix.features.is_gene
    return replace(match, ids=np.where(is_gene, match.ids, -1), how=np.where(is_gene, match.how, UNKNOWN))


@dataclass(frozen=True)
class Place:
    """Where bins are stored.

    Parameters
    ----------
    ids
        Gene id of each column of the matrix, -1 if unknown, (columns,).
    in_layer
        Whether the columns of the matrix are those of `adata`.
    width
        Columns of the stored bins.
    """

    ids: np.ndarray
    in_layer: bool
    width: int

    @classmethod
    def of(cls, adata: AnnData, matrix: Matrix, match: GeneMatch, n_genes: int) -> Self:
        """Choose the place: genes of `raw` are stored by their position in the vocabulary if `adata` has others."""
        in_layer = matrix.name != "raw" or matrix.var.index.equals(adata.var_names)
        return cls(match.ids, in_layer, adata.n_vars if in_layer else n_genes)

    @property
    def columns(self) -> Columns:
        """Which columns are known, and which are the same gene."""
        return Columns.of(self.ids, self.ids >= 0)

    @property
    def target(self) -> np.ndarray:
        """For each column of the matrix, the column of the stored bins, (columns,)."""
        return np.arange(len(self.ids)) if self.in_layer else self.ids

    @property
    def described(self) -> str:
        """The slots, for the log."""
        if self.in_layer:
            return f"{_keys.BINS!r} (adata.layers), {_keys.GENE!r} (adata.var)"
        return f"{_keys.BINS!r} (adata.obsm: the genes of raw, by the vocabulary)"

    def write(self, adata: AnnData, bins: sp.csr_matrix) -> None:
        """Write the bins, and remove those of an earlier call from the other place."""
        if self.in_layer:
            adata.layers[_keys.BINS] = bins
            adata.var[_keys.GENE] = self.ids.astype(np.int32)
            if _keys.BINS in adata.obsm:
                del adata.obsm[_keys.BINS]
            return
        adata.obsm[_keys.BINS] = bins
        if _keys.BINS in layer_names(adata):
            del adata.layers[_keys.BINS]
        if _keys.GENE in adata.var:
            del adata.var[_keys.GENE]

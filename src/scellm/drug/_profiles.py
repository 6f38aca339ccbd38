"""Expression profiles of lines, pseudobulks or cells, as ranks within each profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from scipy.stats import rankdata

from scellm._on_disk import copy_of, on_disk
from scellm._options import one_of
from scellm.genes import load_vocabulary, match_genes

UNITS = ("auto", "counts", "tpm", "log2_tpm1", "log1p", "standardized")
BY_GENE = "standardized by gene"
FEW = 10
"""So few profiles do not say whether genes or profiles were centred."""

_LEAST_GENES, _CENTRED = 100, 0.3


@dataclass(frozen=True)
class Profiles:
    """Profiles whose genes are matched with the vocabulary.

    Parameters
    ----------
    x
        Values in any unit that rises with expression, dense or CSR, (profiles, genes).
    genes
        Vocabulary id of each column, ascending, unique, int64, (genes,).
    units
        What the values are.
    """

    x: np.ndarray | sp.csr_matrix
    genes: np.ndarray
    units: str

    @classmethod
    def of(cls, adata: AnnData, units: str = "auto", layer: str | None = None) -> Profiles:
        """Read profiles.

        Parameters
        ----------
        adata
            Profiles by genes.
        units
            "counts", "tpm", "log2_tpm1", "log1p", "standardized" (array data, each profile centred over its genes), or
            "auto", which finds out and refuses negative values.
        layer
            Layer to read; by default `X`.

        Returns
        -------
        Profiles
            Several columns of one gene are summed in counts and TPM; else the first stands for the gene.

        Raises
        ------
        KeyError
            If the layer does not exist.
        ValueError
            If values are not finite, do not fit the unit, or fewer than 100 genes are known.
        """
        one_of("units", units, UNITS)
        if layer is not None and layer not in adata.layers:
            msg = f"layer={layer!r} is not in adata.layers, which holds {list(adata.layers)[:8]}."
            raise KeyError(msg)
        adata = copy_of(adata) if on_disk(adata) else adata
        x = adata.X if layer is None else adata.layers[layer]
        if x is None or not adata.n_obs:
            msg = "adata holds no profiles: X is empty. Pass lines, groups or cells in rows, genes in columns."
            raise ValueError(msg)
        x = sp.csr_matrix(x) if sp.issparse(x) else np.asarray(x)
        found = _units(x, units, adata)
        ids = np.asarray(match_genes(adata.var, load_vocabulary(), None).ids)
        if len(np.unique(ids[ids >= 0])) < _LEAST_GENES:
            names = list(adata.var_names[:3])
            msg = (
                f"{len(np.unique(ids[ids >= 0])):,} of {adata.n_vars:,} genes are known, such as {names}; expected at "
                f"least {_LEAST_GENES}. Name genes by symbol or Ensembl id, in var_names or a column of var."
            )
            raise ValueError(msg)
        genes, x = _one_column_each(x, ids, found)
        return cls(x, genes, found)

    def __len__(self) -> int:
        return self.x.shape[0]

    def select(self, rows: np.ndarray) -> Profiles:
        """Some profiles, in the given order."""
        return replace(self, x=self.x[rows])

    def ranks(self, genes: np.ndarray) -> np.ndarray:
        """Ranks within each profile over some of its genes, as shares between 0 and 1; ties share their mean rank.

        Ranks are the same in every unit that rises with expression, and whatever a profile was scaled to.

        Parameters
        ----------
        genes
            Vocabulary ids, all of them in the profiles.

        Returns
        -------
        numpy.ndarray
            float64, (profiles, genes).
        """
        some = self.x[:, np.searchsorted(self.genes, genes)]
        dense = some.toarray() if isinstance(some, sp.csr_matrix) else some
        return (rankdata(dense, axis=1) - 0.5) / len(genes)


def _units(x: np.ndarray | sp.csr_matrix, units: str, adata: AnnData) -> str:
    """Check the values, and find the unit if it is open."""
    values: np.ndarray = x.data if isinstance(x, sp.csr_matrix) else np.asarray(x).reshape(-1)
    if values.dtype.kind not in "iufb":
        msg = f"Profiles must be numbers; found {values.dtype}."
        raise ValueError(msg)
    if not np.isfinite(values).all():
        each = np.diff(x.indptr) if isinstance(x, sp.csr_matrix) else x.shape[1]
        rows = np.repeat(np.arange(x.shape[0]), each)
        name = str(adata.obs_names[rows[np.flatnonzero(~np.isfinite(values))[0]]])
        msg = f"Profiles hold values that are not finite, such as in {name!r}. Remove or replace them."
        raise ValueError(msg)
    low, high = (float(v) for v in (values.min(initial=0), values.max(initial=0)))
    _refuse_constant(x, adata)
    if low < 0 and units != "standardized":
        msg = (
            f"Profiles go down to {low:.3g}: standardised or array values, not {units}. If each profile was centred "
            "over its genes, pass units='standardized'; values centred over profiles cannot be compared with cells."
        )
        raise ValueError(msg)
    if units == "standardized":
        return _standardized(x)
    if units != "auto":
        return _fitting(values, units, high)
    whole = bool(np.equal(values, np.floor(values)).all())
    return "counts" if whole else "log2_tpm1" if high < 25 else "tpm"


def _refuse_constant(x: np.ndarray | sp.csr_matrix, adata: AnnData) -> None:
    """Raise ValueError for a profile with one value only: it has no ranks."""
    low, high = (np.asarray(f(axis=1).todense() if sp.issparse(x) else f(axis=1)).ravel() for f in (x.min, x.max))
    flat = np.flatnonzero(low == high)
    if len(flat):
        names = [str(n) for n in adata.obs_names[flat[:3]]]
        msg = f"{len(flat):,} profiles hold one value only, such as {names}: nothing can be ranked. Leave them out."
        raise ValueError(msg)


def _standardized(x: np.ndarray | sp.csr_matrix) -> str:
    dense = x.toarray() if isinstance(x, sp.csr_matrix) else x.astype(np.float64)
    spread = float(dense.std()) or 1.0
    by_gene = float(np.abs(dense.mean(0)).mean()) / spread
    # Genes centred over these lines, or over more lines than these, have means near 0; levels of genes have not.
    return BY_GENE if len(dense) > FEW and by_gene < _CENTRED else "standardized"


def _fitting(values: np.ndarray, units: str, high: float) -> str:
    if units == "counts" and not (values == np.floor(values)).all():
        first = float(values[values != np.floor(values)][0])
        msg = f"units='counts', but there are decimals such as {first:.4g}. Pass units='tpm' or 'log2_tpm1'."
        raise ValueError(msg)
    if units in {"log2_tpm1", "log1p"} and high > 25:
        msg = f"units={units!r}, but values reach {high:.4g}, which is no logarithm of TPM. Pass units='tpm'."
        raise ValueError(msg)
    if units == "tpm" and high < 25:
        msg = f"units='tpm', but no value is above {high:.4g}: they seem to be logarithms. Pass units='log2_tpm1'."
        raise ValueError(msg)
    return units


def _one_column_each(
    x: np.ndarray | sp.csr_matrix, ids: np.ndarray, units: str
) -> tuple[np.ndarray, np.ndarray | sp.csr_matrix]:
    """Known genes in the order of the vocabulary, each once."""
    kept = np.flatnonzero(ids >= 0)
    genes, place = np.unique(ids[kept], return_inverse=True)
    if len(genes) == len(kept):
        x = x[:, kept[np.argsort(ids[kept])]]
        return genes.astype(np.int64), x
    first = kept[np.sort(np.unique(place, return_index=True)[1])]
    first = first[np.argsort(ids[first])]
    if units in {"counts", "tpm"}:
        join = sp.csr_matrix((np.ones(len(kept)), (np.arange(len(kept)), place)), (len(kept), len(genes)))
        joined = x[:, kept] @ join
        return genes.astype(np.int64), sp.csr_matrix(joined) if sp.issparse(joined) else np.asarray(joined)
    return genes.astype(np.int64), x[:, first]  # logarithms cannot be summed: the first column stands for the gene

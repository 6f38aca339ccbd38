"""The genes with most attention, by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from matplotlib.axes import Axes

from scellm import _keys
from scellm._inputs import require_anndata
from scellm._labels import NO_LABEL, Labels
from scellm._options import in_range
from scellm.pl._axes import axes_or_new, finish
from scellm.tl._gene_slot import read_gene_values


def attention(
    adata: AnnData,
    groupby: str,
    *,
    key: str = _keys.ATTENTION,
    n_genes: int = 5,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Draw the genes with the largest mean attention in each group, or the largest contribution.

    Parameters
    ----------
    adata
        Cells by genes, with the layer that :func:`scellm.tl.attention` or :func:`scellm.tl.contributions` wrote.
    groupby
        Column of `obs` with groups, such as cell types; cells without one are left out.
    key
        Name of the layer, such as "celllm_contributions".
    n_genes
        Number of genes per group. A gene that several groups share is drawn once.
    ax
        Axes to draw on; by default a new figure.
    show
        Show the figure; `None` as in scanpy.

    Returns
    -------
    matplotlib.axes.Axes
        Genes in rows, groups in columns; colour is the mean over the cells of a group, 0 for cells that do not express
        the gene. A contribution is one to the type that was predicted for a cell, whatever its group.

    Raises
    ------
    KeyError
        If the layer or the column does not exist.
    ValueError
        If no cell has a group.

    Examples
    --------
    >>> scellm.tl.attention(adata, "celllm-mini")
    >>> ax = scellm.pl.attention(adata, "cell_type", n_genes=3)
    """
    require_anndata(adata, "scellm.pl.attention")
    in_range("n_genes", n_genes, 1, whole=True)
    mean = _means(adata, groupby, key)  # (groups, genes)
    best = np.argsort(-mean.to_numpy(), axis=1, kind="stable")[:, :n_genes]  # (groups, n_genes)
    chosen = pd.unique(best.ravel())
    shown = pd.DataFrame(mean.to_numpy().T[chosen], index=mean.columns[chosen], columns=mean.index)  # (genes, groups)
    given = ax is not None
    ax = axes_or_new(ax, (2.6 + 0.34 * shown.shape[1], 1.4 + 0.22 * len(shown)))
    lowest, highest = float(shown.min().min()), float(shown.max().max())
    most = max(highest, -lowest)
    cmap, least = ("RdBu_r", -most) if lowest < 0 else ("viridis", 0.0)
    image = ax.imshow(shown.to_numpy(), aspect="auto", cmap=cmap, vmin=least, vmax=most)
    ax.set_xticks(range(shown.shape[1]), shown.columns, rotation=90)
    ax.set_yticks(range(len(shown)), shown.index, fontsize=8)
    ax.set(xlabel=groupby)
    if ax.figure is not None:
        ax.figure.colorbar(image, ax=ax, label=f"mean of {key}", shrink=0.6)
    return finish(ax, show=show, given=given, spines=True)


def _means(adata: AnnData, groupby: str, key: str) -> pd.DataFrame:
    """Mean value of each gene in each group, (groups, genes)."""
    values, genes = read_gene_values(adata, key, "scellm.tl.attention or scellm.tl.contributions")
    if groupby not in adata.obs:
        msg = f"groupby={groupby!r} is not in obs, which holds {list(adata.obs.columns)[:12]}."
        raise KeyError(msg)
    names = Labels.of(adata.obs, groupby, quiet=True).names
    groups = sorted({str(n) for n in names if n != NO_LABEL})
    if not groups:
        msg = f"obs[{groupby!r}] holds no group."
        raise ValueError(msg)
    rows = np.flatnonzero(names != NO_LABEL)
    code = pd.Index(groups).get_indexer(pd.Index(names[rows].astype(str)))
    share = 1 / np.bincount(code, minlength=len(groups))[code]  # (rows,)
    member = sp.csr_matrix((share, (code, rows)), shape=(len(groups), adata.n_obs))
    return pd.DataFrame((member @ values).toarray(), index=groups, columns=genes)

"""Uniformity, alignment and anisotropy, by which the paper argues for a contrastive objective."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from scellm._labels import NO_LABEL, Labels


def geometry(
    embedding: np.ndarray,
    types: np.ndarray | None = None,
    *,
    max_cells: int = 2000,
    seed: int = 0,
    unlabeled: tuple[str, ...] = (),
) -> dict[str, float]:
    r"""Uniformity, alignment and anisotropy of cell embeddings.

    All are computed on embeddings scaled to length 1. Uniformity is the log of the mean Gaussian potential of all
    pairs,
    :math:`\log \mathbb{E}\, e^{-2 \lVert x - y \rVert^2}`: 0 if all cells are at one point, lower if they are spread
    evenly. Alignment is the mean squared distance of two cells of one type, from 0 to 4 (Wang and Isola, 2020, whose
    positive pairs are views of one image). Anisotropy is the mean cosine of all pairs (Ethayarajh, 2019): 1 in a narrow
    cone, 0 without a preferred direction. The paper criticises embeddings of masked models for it (section 3.3).

    Parameters
    ----------
    embedding
        Cell embeddings, (cells, dimensions).
    types
        Cell types, (cells,). Cells without a type, or with a word of `unlabeled`, are left out of the alignment.
        Without `types`, no alignment is computed.
    max_cells
        Larger data are subsampled to this number of cells; at least 2.
    seed
        Seed of the subsample.
    unlabeled
        Further words that mean "no type", beside missing values and words such as "unknown".

    Returns
    -------
    dict
        `uniformity`, `anisotropy`, and `alignment` if there are types.

    Raises
    ------
    ValueError
        If there are fewer than two cells, an embedding is 0 or not finite, the numbers of types and cells differ, or no
        two cells share a type.

    Examples
    --------
    >>> scellm.tl.embed(adata, model)
    >>> found = scellm.bm.geometry(adata.obsm["X_celllm"], adata.obs["cell_type"].to_numpy())
    """
    if max_cells < 2 or (types is not None and len(types) != len(embedding)):
        n_types = "no" if types is None else len(types)
        msg = (
            f"geometry takes a type for each cell and max_cells of 2 or more; found {len(embedding)} cells, {n_types} "
            f"types and max_cells={max_cells}."
        )
        raise ValueError(msg)
    x = np.asarray(embedding, dtype=float)
    length = np.linalg.norm(x, axis=1)
    if len(x) < 2 or not np.isfinite(length).all() or not length.all():
        bad = int((~((length > 0) & np.isfinite(length))).sum())
        msg = (
            f"geometry needs at least two embeddings, finite and not 0; found {len(x)}, {bad} of them 0 or not finite."
        )
        raise ValueError(msg)
    rows = np.sort(np.random.default_rng(seed).permutation(len(x))[:max_cells])
    x = x[rows] / length[rows, None]
    squared = pdist(x, "sqeuclidean")  # (pairs,)
    found = {
        "uniformity": float(np.log(np.exp(-2 * squared).mean())),
        "anisotropy": float(1 - squared.mean() / 2),  # of unit vectors: |x - y|^2 = 2 - 2 cos
    }
    if types is None:
        return found
    obs = pd.DataFrame({"type": np.asarray(types, dtype=object)[rows]})
    names = Labels.of(obs, "type", unlabeled, quiet=True).names.astype(str)
    same = (names[:, None] == names) & (names != NO_LABEL)
    pairs = squareform(same, checks=False)
    if not pairs.any():
        msg = (
            f"Alignment needs two cells of one type; no type occurs twice among {len(names)} cells, with types such as "
            f"{sorted(set(names))[:4]}."
        )
        raise ValueError(msg)
    return found | {"alignment": float(squared[pairs].mean())}

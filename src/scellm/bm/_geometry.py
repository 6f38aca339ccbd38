"""How an embedding fills its space: the numbers behind the paper's argument for a contrastive objective."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist, squareform


def geometry(
    vectors: np.ndarray, types: np.ndarray | None = None, *, max_cells: int = 2000, seed: int = 0
) -> dict[str, float]:
    r"""Uniformity, alignment and anisotropy of cell vectors.

    All are of the vectors brought to length 1. Uniformity is the log of the mean Gaussian potential of all pairs,
    :math:`\log \mathbb{E}\, e^{-2 \lVert x - y \rVert^2}`: 0 where all cells are at one place, lower where they are spread evenly.
    Alignment is the mean squared distance of two cells of one type (Wang and Isola, 2020, whose positive pairs are views of one
    image), from 0 to 4. Anisotropy is the mean cosine of all pairs (Ethayarajh, 2019): 1 in a narrow cone, 0 without a favoured
    direction; the paper (section 3.3) holds that against embeddings of masked models.

    Parameters
    ----------
    vectors
        (cells, dimensions).
    types
        Names of types, (cells,); "" leaves a cell out of the alignment. By default there is no alignment.
    max_cells
        More cells than this are sampled.
    seed
        Of the sample.

    Returns
    -------
    dict
        `uniformity`, `anisotropy`, and `alignment` if there are types.

    Raises
    ------
    ValueError
        If there are fewer than two cells, a vector is 0 or not finite, or no two cells share a type.

    Examples
    --------
    >>> scellm.bm.geometry(adata.obsm["X_celllm"], adata.obs["cell_type"].to_numpy())
    """
    x = np.asarray(vectors, dtype=float)
    length = np.linalg.norm(x, axis=1)
    if len(x) < 2 or not np.isfinite(length).all() or not length.all():
        msg = f"geometry takes two vectors or more, finite and not 0; found {len(x)}, of which {int((~(length > 0)).sum())} are 0 or no number."
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
    names = np.asarray(types, dtype=str)[rows]
    same = (names[:, None] == names) & (names != "")
    pairs = squareform(same, checks=False)
    if not pairs.any():
        msg = f"Alignment needs two cells of one type; found types such as {sorted(set(names))[:4]} once each."
        raise ValueError(msg)
    return found | {"alignment": float(squared[pairs].mean())}

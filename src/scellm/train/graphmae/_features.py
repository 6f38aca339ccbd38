"""Initial features of the genes of a network, which are also the reconstruction targets.

A protein network has no features of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from scellm.genes import align_rows
from scellm.train.graphmae._config import GraphMAEConfig
from scellm.train.graphmae._network import Network


class GivenFeatures(nn.Module):
    """Fixed features.

    Parameters
    ----------
    x
        float32, (n, f).
    """

    x: Tensor
    can_hold_out = True  # the features of a gene that was never a target can be predicted

    def __init__(self, x: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("x", torch.as_tensor(x, dtype=torch.float32))
        self.width = x.shape[1]

    def forward(self) -> Tensor:
        """The features, (n, f)."""
        return self.x

    def cosine(self, decoded: Tensor, rows: Tensor) -> Tensor:
        """Cosine of the decoded features, (rows, f), and the features of each gene of `rows`."""
        return cosine_similarity(decoded, self.x[rows], dim=1)


class LearnedTable(nn.Module):
    r"""Identity features: the input is a learned row per gene, and the target is the identity of the gene.

    The one-hot vector of a gene is as long as the network, as is the decoder's output; neither is computed. With
    :math:`W` the decoder's last linear map and :math:`z` its input, the cosine of :math:`Wz` and the one-hot vector of
    gene :math:`i` is :math:`W_i z / \sqrt{z^T (W^T W) z}`, exactly, in memory that grows with the genes and not with
    their square.

    Parameters
    ----------
    n
        Genes.
    width
        Length of a row.
    """

    can_hold_out = False  # a class that was never a target cannot be predicted

    def __init__(self, n: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(n, width))
        self.output = nn.Parameter(torch.randn(n, width) * width**-0.5)
        self.width = width

    def forward(self) -> Tensor:
        """The rows, (n, f)."""
        return self.table

    def cosine(self, decoded: Tensor, rows: Tensor) -> Tensor:
        """Cosine of the decoded and the one-hot vector of each gene of `rows`."""
        gram = self.output.T @ self.output  # (f, f)
        length = ((decoded @ gram) * decoded).sum(1).clamp_min(1e-12).sqrt()  # (rows,)
        return (self.output[rows] * decoded).sum(1) / length


def spectral_features(network: Network, n_features: int = 256, *, seed: int = 0) -> np.ndarray:
    r"""Singular vectors of the normalised adjacency, and the degree.

    The adjacency with loops is scaled to :math:`D^{-1/2} (A + I) D^{-1/2}`; its leading left singular vectors, each
    times the root of its singular value, and the logarithm of the degree are the columns, each brought to mean 0 and
    variance 1.

    Parameters
    ----------
    network
        n genes.
    n_features
        Singular vectors; at most n - 1.
    seed
        Seed of the randomised algorithm.

    Returns
    -------
    numpy.ndarray
        float32, (n, n_features + 1).
    """
    adjacency = network.adjacency()
    degree = np.asarray(adjacency.sum(1)).ravel()
    scale = sp.diags((degree + 1) ** -0.5)
    scaled = scale @ (adjacency + sp.identity(len(degree), format="csr")) @ scale
    n_features = min(n_features, len(degree) - 1)
    left, value, _ = randomized_svd(scaled, n_features, n_iter=7, random_state=seed)
    return _standardize(np.column_stack([left * np.sqrt(value), np.log1p(degree)]))


def _standardize(x: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1; a constant column is 0."""
    x = x - x.mean(0)
    sd = x.std(0)
    return (x / np.where(sd > 0, sd, 1)).astype(np.float32)


def make_features(
    features: str | pd.DataFrame, network: Network, config: GraphMAEConfig, seed: int
) -> GivenFeatures | LearnedTable:
    """Make features by name, or from the user's table.

    Parameters
    ----------
    features
        "svd", "identity", or a DataFrame, genes by features.
    network
        The genes.
    config
        The configuration, for the number of features.
    seed
        Seed of "svd".

    Returns
    -------
    GivenFeatures or LearnedTable
        For the genes of the network, in their order.

    Raises
    ------
    ValueError
        If the name is not known, a gene of the network has no features, or a value is missing.
    """
    if isinstance(features, pd.DataFrame):
        return GivenFeatures(_standardize(_aligned(features, network)))
    if features == "svd":
        return GivenFeatures(spectral_features(network, config.n_features, seed=seed))
    if features == "identity":
        return LearnedTable(len(network.genes), config.n_features)
    msg = (
        f"features={features!r} is not known; expected 'svd', 'identity' or a DataFrame with a row for each gene of "
        "the network."
    )
    raise ValueError(msg)


def _aligned(features: pd.DataFrame, network: Network) -> np.ndarray:
    """Rows of the network's genes."""
    rows = align_rows(features.index, "the index of features").reindex(network.genes)
    if rows.isna().any():
        lacking = network.symbols[rows.isna()]
        msg = (
            f"features has no row for {len(lacking):,} genes of the network, such as {list(lacking[:3])}. Add them, or "
            "drop their edges."
        )
        raise ValueError(msg)
    x = features.to_numpy(dtype="float64")[rows.to_numpy(dtype=int)]
    if not np.isfinite(x).all():
        msg = "features holds missing or infinite values; fill them first, for instance with the column's mean."
        raise ValueError(msg)
    return x

"""The shape of a model over tokens, and its presets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from scellm._options import checked, in_range, one_of
from scellm.nn._attention import ATTENTIONS
from scellm.nn._poolings import POOLINGS


@dataclass(frozen=True)
class Config:
    """All options that define the shape and the computation of the encoder.

    Parameters
    ----------
    n_genes
        Size of the vocabulary. The gene table has two more rows, [CLS] and padding, as the published one does.
    n_bins
        Number of bins. The bin table has two more rows, [CLS] and [MASK].
    dim
        Token width and learned embedding size.
    depth
        Number of blocks. 0: no attention blocks (bag-of-genes model).
    heads, dim_head
        Attention heads and their width; queries have `heads * dim_head` dimensions, which need not be `dim` (published:
        1024 and 512).
    ff_mult
        Width of the feed-forward layer, as a multiple of `dim`.
    n_features
        Random features of FAVOR+; by default `int(dim_head * log(dim_head))`, as published.
    attention
        Name of the attention: a key of `scellm.nn.ATTENTIONS`.
    dropout
        Probability, at the three places of the published code: after the embedding, after attention, inside the
        feed-forward layer.
    gene_dim
        Width of the gene table; by default `dim`. Another width is mapped to `dim`.
    train_genes
        Whether the gene table is trained. In the paper it comes from a protein network; whether it is trained is not
        stated.
    pooling
        Name of the pooling: a key of `scellm.nn.POOLINGS`.
    hashed_dim
        Dimensions of hashed gene features (a count sketch), after the first `dim`; only for pooling "expression".
        Larger values help on unseen tissue (`benchmarks/linear_start.py`).
    projector
        Width of a projection head between the cell embedding and the contrastive objective
        (:class:`scellm.nn.ProjectionHead`); 0 for none, as in the paper.
    compat, compat_length
        "openbiomed" runs attention as the published code does, with padding to `compat_length`, and ignores
        `attention`; for imported weights only.

    Raises
    ------
    ValueError
        If a value is out of its range, or two values exclude each other.
    """

    n_genes: int
    n_bins: int = 6
    dim: int = 128
    depth: int = 4
    heads: int = 4
    dim_head: int = 32
    ff_mult: int = 4
    n_features: int | None = None
    attention: str = "favor"
    dropout: float = 0.1
    gene_dim: int | None = None
    train_genes: bool = True
    pooling: str = "sparse"
    hashed_dim: int = 1920
    projector: int = 0
    compat: str | None = None
    compat_length: int = 6000

    def __post_init__(self) -> None:
        for name in ("n_genes", "n_bins", "dim", "heads", "dim_head", "ff_mult", "compat_length"):
            in_range(name, getattr(self, name), 1, whole=True)
        for name in ("n_features", "gene_dim"):
            if getattr(self, name) is not None:
                in_range(name, getattr(self, name), 1, whole=True)
        for name in ("depth", "hashed_dim", "projector"):
            in_range(name, getattr(self, name), 0, whole=True)
        in_range("dropout", self.dropout, 0, 1, open_high=True)
        one_of("attention", self.attention, ATTENTIONS)
        one_of("pooling", self.pooling, POOLINGS)
        one_of("compat", self.compat, (None, "openbiomed"))
        self._check_together()

    def _check_together(self) -> None:
        if not self.depth and (self.pooling == "cls" or self.compat):
            msg = (
                "depth=0 is a bag-of-genes model without attention: compat has nothing to run, and [CLS] sees no gene. "
                "Use another pooling, or depth=1 or more."
            )
            raise ValueError(msg)
        if self.compat and (self.pooling not in {"mean", "cls"} or self.dropout):
            msg = (
                f"compat={self.compat!r} with pooling={self.pooling!r} and dropout={self.dropout}: expected pooling "
                "'mean' or 'cls' and dropout 0: the published weights have no pooling, and their padding allows no "
                "dropout."
            )
            raise ValueError(msg)

    @property
    def features(self) -> int:
        """Number of random features."""
        return self.n_features or max(int(self.dim_head * math.log(self.dim_head)), 1)

    @property
    def cell_dim(self) -> int:
        """Dimensions of a cell embedding."""
        return POOLINGS[self.pooling].cell_dim(self.dim, self.hashed_dim)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return asdict(self)


PRESETS: dict[str, dict[str, Any]] = {
    "mini": {"dim": 128, "depth": 4, "heads": 4, "dim_head": 32},
    "8m": {"dim": 256, "depth": 3, "heads": 8, "dim_head": 64},
    "25m": {"dim": 384, "depth": 10, "heads": 6, "dim_head": 64},
    "50m": {"dim": 512, "depth": 10, "heads": 16, "dim_head": 64},
}
"""Sizes by name. The paper's "over 50 million" parameters include the gene table; it gives no shape for 8M and 25M."""


def make_config(size: str, n_genes: int, **overrides: Any) -> Config:
    """Make a configuration from a preset and changes.

    Parameters
    ----------
    size
        A key of `PRESETS`.
    n_genes
        Size of the vocabulary.
    **overrides
        Fields of :class:`Config`.

    Returns
    -------
    Config
        The shape.

    Raises
    ------
    ValueError
        If the size is not known, or a value is out of its range.
    TypeError
        If an override is not a field.
    """
    if size not in PRESETS:
        msg = (
            f"size={size!r} is not known; expected one of {list(PRESETS)}. Other shapes: "
            "CellLM(adata, dim=..., depth=..., heads=...)."
        )
        raise ValueError(msg)
    return checked(Config, {"n_genes": n_genes, **PRESETS[size], **overrides}, "CellLM")

"""The shape of a CellLM, and its presets."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape and the arithmetic of the encoder.

    Parameters
    ----------
    n_genes
        Size of the vocabulary. The gene table has two more rows, [CLS] and padding, as the published one does.
    n_bins
        Number of bins. The bin table has two more rows, [CLS] and [MASK].
    dim
        Width of a token, and of what is learned of a cell's vector.
    depth
        Number of blocks; 0 leaves a bag of genes without attention.
    heads, dim_head
        Attention heads and their width; queries are `heads * dim_head` wide, which need not be `dim` (published: 1024 and 512).
    ff_mult
        Width of the feed-forward layer, in `dim`.
    n_features
        Random features of FAVOR+; by default `int(dim_head * log(dim_head))`, as published.
    attention
        Name of the attention: a key of `scellm.nn.ATTENTIONS`.
    dropout
        Probability, at the three places of the published code: after the embedding, after attention, inside the feed-forward.
    gene_dim
        Width of the gene table; by default `dim`. Another is mapped to `dim`.
    train_genes
        Whether the gene table learns. The paper's comes from a protein network; whether it learns on is not said.
    pooling
        Name of what makes one vector of a cell's tokens: a key of `scellm.nn.POOLINGS`.
    sketch
        Numbers of a cell's vector, after the first `dim`, that are a sketch of its genes; of pooling "expression" only. Wider ones tell
        unseen tissue better (`benchmarks/linear_start.py`).
    projector
        Width of a perceptron between a cell's vector and the contrastive objective (:class:`scellm.nn.Projector`); 0 for none, as in the
        paper.
    compat, compat_length
        "openbiomed" runs attention as the published code does, padding to `compat_length` included, in place of `attention`; for imported
        weights only.
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
    sketch: int = 1920
    projector: int = 0
    compat: str | None = None
    compat_length: int = 6000

    @property
    def features(self) -> int:
        """Number of random features."""
        return self.n_features or int(self.dim_head * math.log(self.dim_head))

    @property
    def cell_dim(self) -> int:
        """Length of a cell's vector."""
        return self.dim + (self.sketch if self.pooling == "expression" else 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return asdict(self)


PRESETS: dict[str, dict[str, Any]] = {
    "mini": {"dim": 128, "depth": 4, "heads": 4, "dim_head": 32},
    "8m": {"dim": 256, "depth": 3, "heads": 8, "dim_head": 64},
    "25m": {"dim": 384, "depth": 10, "heads": 6, "dim_head": 64},
    "50m": {"dim": 512, "depth": 10, "heads": 16, "dim_head": 64},
}
"""Sizes by name. The paper counts the gene table in its "over 50 million"; it gives no shape for the other two."""


def make_config(size: str, n_genes: int, **overrides: Any) -> Config:
    """A preset with changes.

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
        If the size is not known or a number makes no model.
    TypeError
        If an override is not a field.
    """
    if size not in PRESETS:
        msg = f"size={size!r} is not known; expected one of {list(PRESETS)}. Other shapes: CellLM(adata, dim=..., depth=..., heads=...)."
        raise ValueError(msg)
    unknown = set(overrides) - set(Config.__dataclass_fields__)
    if unknown:
        msg = f"CellLM takes no {sorted(unknown)}; the shape's options are {list(Config.__dataclass_fields__)[1:]}."
        raise TypeError(msg)
    config = replace(Config(n_genes, **PRESETS[size]), **overrides)
    small = [k for k in ("dim", "heads", "dim_head", "ff_mult", "n_bins") if getattr(config, k) < 1]
    small += ["gene_dim"] if config.gene_dim is not None and config.gene_dim < 1 else []
    if small or not 0 <= config.dropout < 1:
        msg = f"{small or ['dropout']} must be positive, and dropout in [0, 1); found {[getattr(config, k) for k in small] or config.dropout}."
        raise ValueError(msg)
    below = [k for k in ("depth", "sketch", "projector") if getattr(config, k) < 0]
    if below:
        msg = f"{below} must be 0 (none) or more; found {[getattr(config, k) for k in below]}."
        raise ValueError(msg)
    if not config.depth and (config.pooling == "cls" or config.compat):
        msg = "depth=0 is a bag of genes: it has no attention for compat to run, and its [CLS] sees no gene. Use another pooling, or depth=1 or more."
        raise ValueError(msg)
    if config.compat not in {None, "openbiomed"} or (
        config.compat and (config.pooling not in {"mean", "cls"} or config.dropout)
    ):
        msg = (
            f"compat={config.compat!r} with pooling={config.pooling!r} and dropout={config.dropout}: expected None, or 'openbiomed' with "
            "pooling 'mean' or 'cls' and dropout 0, as the published weights have no pooling and its padding allows no dropout."
        )
        raise ValueError(msg)
    return config

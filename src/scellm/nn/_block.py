"""One block of the encoder: attention, then a feed-forward layer, both on normalised input and added to it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from scellm.data._tokens import Padded
from scellm.nn._config import Config
from scellm.nn._dropout import dropout
from scellm.nn._favor import Favor, orthogonal_projection
from scellm.nn._openbiomed import OpenBioMedFavor
from scellm.nn._performer import PerformerPytorch
from scellm.nn._softmax import Softmax

ATTENTIONS: dict[str, type[nn.Module]] = {"favor": Favor, "softmax": Softmax, "performer-pytorch": PerformerPytorch}
"""Attentions by name; each takes q, k, v, the mask of real tokens and the projection, and has a `max_padding`."""


class Attention(nn.Module):
    """Multi-head self-attention within each cell; every kind of attention shares these parameters.

    Parameters
    ----------
    config
        The shape. Queries, keys and values have no bias, the output has one, as published.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        if config.attention not in ATTENTIONS:
            msg = f"attention={config.attention!r} is not known; expected one of {list(ATTENTIONS)}."
            raise ValueError(msg)
        inner = config.heads * config.dim_head
        self.heads = config.heads
        self.to_qkv = nn.Linear(config.dim, 3 * inner, bias=False)
        self.to_out = nn.Linear(inner, config.dim)
        self.kernel = OpenBioMedFavor(config.compat_length) if config.compat else ATTENTIONS[config.attention]()
        self.register_buffer("projection", orthogonal_projection(config.features, config.dim_head))
        self.projection: Tensor

    def forward(self, x: Float[Tensor, "rows dim"], cells: Padded) -> Float[Tensor, "rows dim"]:
        """Attend within each cell. Rows are those of the rectangle, one cell after another, and perhaps a few more."""
        b, n = cells.gene.shape
        qkv = self.to_qkv(x)[: b * n].view(b, n, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (b, h, n, dim_head)
        out = self.kernel(q, k, v, cells.real, self.projection)  # (b, h, n, dim_head)
        out = out.transpose(1, 2).reshape(b * n, -1)  # (b * n, h * dim_head)
        return self.to_out(pad(out, (0, 0, 0, len(x) - len(out))))

    @torch.no_grad()
    def redraw(self, generator: torch.Generator) -> None:
        """Draw another projection."""
        new = orthogonal_projection(self.projection.shape[0], self.projection.shape[1], generator)
        self.projection.copy_(new)


class FeedForward(nn.Module):
    """Two linear layers with a GELU (the exact one, as published) and dropout between.

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.w1 = nn.Linear(config.dim, config.dim * config.ff_mult)
        self.w2 = nn.Linear(config.dim * config.ff_mult, config.dim)
        self.dropout = config.dropout

    def forward(self, x: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """Each token by itself."""
        return self.w2(dropout(gelu(self.w1(x)), self.dropout, training=self.training))


class Block(nn.Module):
    """`x + attention(norm(x))`, then `x + feed_forward(norm(x))`.

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(config.dim), Attention(config)
        self.ff_norm, self.ff = nn.LayerNorm(config.dim), FeedForward(config)
        self.dropout = config.dropout

    def forward(self, x: Float[Tensor, "rows dim"], cells: Padded) -> Float[Tensor, "rows dim"]:
        """One block."""
        x = x + dropout(self.attention(self.attention_norm(x), cells), self.dropout, training=self.training)
        return x + self.ff(self.ff_norm(x))

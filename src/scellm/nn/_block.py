"""One block of the encoder: attention, then a feed-forward layer, both on normalised input and added to it."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from scellm._tokens import Padded
from scellm.nn._attention import Attention
from scellm.nn._dropout import dropout


class FeedForward(nn.Module):
    """Two linear layers with a GELU (the exact one, as published) and dropout between them.

    Parameters
    ----------
    dim
        Width of a token.
    ff_mult
        Width of the inner layer, as a multiple of `dim`.
    dropout
        Probability.
    """

    def __init__(self, dim: int, ff_mult: int, dropout: float) -> None:
        super().__init__()
        self.w1 = nn.Linear(dim, dim * ff_mult)
        self.w2 = nn.Linear(dim * ff_mult, dim)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """Apply to each token separately."""
        return self.w2(dropout(gelu(self.w1(x)), self.dropout, training=self.training))


class Block(nn.Module):
    """`x + attention(norm(x))`, then `x + feed_forward(norm(x))`.

    Parameters
    ----------
    dim
        Width of a token.
    attention
        The attention of the block.
    ff_mult
        Width of the feed-forward layer, as a multiple of `dim`.
    dropout
        Probability, after attention and inside the feed-forward layer.
    """

    def __init__(self, dim: int, attention: Attention, ff_mult: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(dim), attention
        self.ff_norm, self.ff = nn.LayerNorm(dim), FeedForward(dim, ff_mult, dropout)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, "rows dim"], cells: Padded) -> Float[Tensor, "rows dim"]:
        """Apply the block to the tokens of a rectangle."""
        x = x + dropout(self.attention(self.attention_norm(x), cells), self.dropout, training=self.training)
        return x + self.ff(self.ff_norm(x))

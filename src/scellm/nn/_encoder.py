"""The Performer over a cell's expressed genes (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from scellm._tokens import Padded
from scellm.nn._attention import ATTENTIONS, Attention
from scellm.nn._block import Block
from scellm.nn._config import Config
from scellm.nn._dropout import dropout
from scellm.nn._gene_table import GeneTable
from scellm.nn._kernel import AttentionKernel
from scellm.nn._openbiomed import OpenBioMedFavor

_PADDING_WITHOUT_BLOCKS = 0.2  # without attention, padding costs a lookup but no matrix product


class Embedding(nn.Module):
    """A token is its bin embedding plus its gene embedding; there is no position (paper, section 3.2).

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.bin = nn.Embedding(config.n_bins + 2, config.dim)
        self.gene = GeneTable(config.n_genes, config.dim, config.gene_dim, trainable=config.train_genes)
        self.dropout = config.dropout

    def forward(
        self, gene: Int[Tensor, "cells length"], bins: Int[Tensor, "cells length"]
    ) -> Float[Tensor, "cells length dim"]:
        """Gene ids and bins to vectors."""
        return dropout(self.gene(gene) + self.bin(bins), self.dropout, training=self.training)


class Encoder(nn.Module):
    """Embedding, blocks and a last LayerNorm.

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config)
        blocks = nn.ModuleList(_make_block(config) for _ in range(config.depth))
        self.blocks: Sequence[Block] = blocks  # type: ignore[assignment]  # a ModuleList is a sequence to us
        self.norm = nn.LayerNorm(config.dim)

    @property
    def max_padding(self) -> float:
        """Largest share of padding in a chunk."""
        return self.blocks[0].attention.kernel.max_padding if len(self.blocks) else _PADDING_WITHOUT_BLOCKS

    def forward(self, cells: Padded) -> Float[Tensor, "cells length dim"]:
        """Vectors of all tokens; those of padding have no meaning."""
        b, n = cells.gene.shape
        x = self.through(cells, self.blocks)  # (rows, d)
        return self.norm(x)[: b * n].view(b, n, -1)

    def through(self, cells: Padded, blocks: Iterable[Block]) -> Float[Tensor, "rows dim"]:
        """Vectors of the tokens, one cell after another, after some of the blocks."""
        b, n = cells.gene.shape
        x = self.embedding(cells.gene, cells.bin)  # (b, n, d)
        x = x if cells.presence is None else x * cells.presence[..., None]
        x = x.view(b * n, -1)  # (b * n, d)
        x = pad(x, (0, 0, 0, _extra_rows(x)))  # (rows, d)
        for block in blocks:
            x = block(x, cells)  # (rows, d)
        return x

    @torch.no_grad()
    def cls_attention(self, cells: Padded, block: int = -1) -> Float[Tensor, "cells heads length"]:
        """How a block distributes the attention of [CLS] over the tokens of its cell.

        Parameters
        ----------
        cells
            The tokens.
        block
            Index of the block; by default the last.

        Returns
        -------
        torch.Tensor
            Weights that sum to 1 over the tokens of a cell; 0 at padding. See :meth:`scellm.nn.Attention.of_first`.
        """
        at = range(len(self.blocks))[block]
        chosen = self.blocks[at]
        x = self.through(cells, self.blocks[:at])  # (rows, d)
        return chosen.attention.of_first(chosen.attention_norm(x), cells)

    def redraw(self, generator: torch.Generator) -> None:
        """Draw new random features for every block."""
        for block in self.blocks:
            block.attention.redraw(generator)


def _make_block(config: Config) -> Block:
    attention = Attention(config.dim, config.heads, config.dim_head, config.features, _make_kernel(config))
    return Block(config.dim, attention, config.ff_mult, config.dropout)


def _make_kernel(config: Config) -> AttentionKernel:
    return OpenBioMedFavor(config.compat_length) if config.compat else ATTENTIONS[config.attention]()


def _extra_rows(x: Tensor) -> int:
    """Rows to add so that chunks come in few shapes: for bf16 on a CPU, oneDNN compiles a kernel per shape (10 ms)."""
    few_shapes = x.device.type == "cpu" and (x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu"))
    return -len(x) % 256 if few_shapes else 0

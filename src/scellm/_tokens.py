"""Cells as packed tokens, and the padded chunks that attention works on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Padded:
    """Cells of similar length as a rectangle; column 0 is [CLS].

    Parameters
    ----------
    gene
        Gene ids, int64; [CLS] is `n_genes`, padding `n_genes + 1`.
    bin
        Bins, int64; [CLS] is `n_bins`, [MASK] and padding `n_bins + 1`.
    real
        True for tokens of a cell, False for padding; `None` if there is no padding.
    target
        Target bin of masked tokens, int64; -1 = ignore. `None` outside pretraining.
    presence
        Factor of each token's vector and of its weight in the pooling, for gradients by gene; `None` is 1.
    """

    gene: Int[Tensor, "cells length"]
    bin: Int[Tensor, "cells length"]
    real: Bool[Tensor, "cells length"] | None
    target: Int[Tensor, "cells length"] | None = None
    presence: Float[Tensor, "cells length"] | None = None

    @property
    def n_tokens(self) -> int:
        """Number of tokens, padding and [CLS] included."""
        return self.gene.numel()

    def to(self, device: torch.device | str) -> Padded:
        """Move to another device."""
        optional = (x if x is None else x.to(device) for x in (self.real, self.target, self.presence))
        return Padded(self.gene.to(device), self.bin.to(device), *optional)


@dataclass(frozen=True)
class Tokens:
    """Cells, each a set of (gene, bin) pairs, packed one after another; [CLS] is not stored.

    Parameters
    ----------
    gene
        Gene ids, int64.
    bin
        Bins of expression, int64.
    offsets
        Start of each cell, and the end of the last, int64.
    target
        Target bin of masked tokens, int64; -1 = ignore. `None` outside pretraining.
    """

    gene: Int[Tensor, " tokens"]
    bin: Int[Tensor, " tokens"]
    offsets: Int[Tensor, " cells_and_end"]
    target: Int[Tensor, " tokens"] | None = None

    @classmethod
    def of(cls, batch: Mapping[str, Tensor | np.ndarray], suffix: str = "") -> Tokens:
        """Read a loader's batch of tensors or arrays; the second view of a cell has the suffix "_b"."""
        return cls(*(torch.as_tensor(batch[f"{k}{suffix}"]) for k in ("gene", "bin", "offsets")))

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int[Tensor, " cells"]:
        """Number of genes of each cell."""
        return self.offsets.diff()

    def to(self, device: torch.device | str) -> Tokens:
        """Move to another device."""
        target = None if self.target is None else self.target.to(device)
        return Tokens(self.gene.to(device), self.bin.to(device), self.offsets.to(device), target)

    def positions(self, cells: Int[Tensor, " chosen"]) -> Int[Tensor, " tokens"]:
        """Positions of the tokens of the chosen cells, cell after cell."""
        starts, n = self.offsets[cells], self.lengths[cells]
        ends = n.cumsum(0)
        shift = torch.repeat_interleave(starts - (ends - n), n)
        return torch.arange(len(shift), device=shift.device) + shift

    def select(self, cells: Int[Tensor, " chosen"]) -> Tokens:
        """Take the chosen cells, in the order given."""
        at = self.positions(cells)
        n = self.lengths[cells]
        offsets = torch.cat([n.new_zeros(1), n.cumsum(0)])
        return Tokens(self.gene[at], self.bin[at], offsets, None if self.target is None else self.target[at])

    def pad(self, n_genes: int, n_bins: int) -> Padded:
        """Pad all cells to the longest one, [CLS] first.

        Parameters
        ----------
        n_genes
            Size of the vocabulary; larger ids are special tokens.
        n_bins
            Number of bins; larger ids are special tokens.

        Returns
        -------
        Padded
            (cells, longest + 1).
        """
        n = self.lengths
        longest = int(n.max()) if len(n) else 0
        shape = (len(n), longest + 1)
        row = torch.repeat_interleave(torch.arange(len(n), device=n.device), n)  # (tokens,)
        column = torch.arange(len(self.gene), device=n.device) - self.offsets[:-1][row] + 1  # (tokens,)
        gene = self.gene.new_full(shape, n_genes + 1)
        bins = self.bin.new_full(shape, n_bins + 1)
        gene[:, 0], bins[:, 0] = n_genes, n_bins
        gene[row, column], bins[row, column] = self.gene, self.bin
        target = None
        if self.target is not None:
            target = self.target.new_full(shape, -1)
            target[row, column] = self.target
        full = bool((n == longest).all())
        real = None if full else torch.arange(longest + 1, device=n.device)[None] <= n[:, None]  # (cells, length)
        return Padded(gene, bins, real, target)

    def cut(self, max_tokens: int, max_padding: float = 0.05) -> Iterator[Int[Tensor, " cells"]]:
        """Cut into chunks of cells of similar length, by number of tokens and share of padding.

        Parameters
        ----------
        max_tokens
            Tokens per chunk, padding and [CLS] included; a longer cell is a chunk of its own.
        max_padding
            Largest share of padding in a chunk.

        Yields
        ------
        torch.Tensor
            Indices of the cells of a chunk, int64. The same tokens give the same cut.
        """
        lengths = self.lengths.cpu() + 1
        order = torch.argsort(lengths, descending=True, stable=True)
        sizes = lengths[order].tolist()
        start, used = 0, 0
        for at, n in enumerate(sizes):  # a loop over the cells of one batch takes microseconds
            rectangle = sizes[start] * (at - start + 1)
            if at > start and (rectangle > max_tokens or used + n < (1 - max_padding) * rectangle):
                yield order[start:at]
                start, used = at, 0
            used += n
        if sizes:
            yield order[start:]

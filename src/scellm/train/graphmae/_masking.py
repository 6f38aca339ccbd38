"""Which genes of a network are masked in a step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Masking:
    """Genes whose features are masked.

    Parameters
    ----------
    token
        Genes that get the mask token, int64.
    replaced, by
        Genes that get the features of another gene, and those other genes, int64.
    """

    token: Tensor
    replaced: Tensor
    by: Tensor

    @property
    def rows(self) -> Tensor:
        """All genes to reconstruct."""
        return torch.cat([self.token, self.replaced])

    def hide(self, x: Tensor, token: Tensor) -> Tensor:
        """Features (n, f) with the masked genes replaced; `token` is (f,)."""
        hidden = x.index_put((self.token,), token.to(x.dtype))
        return hidden.index_put((self.replaced,), x[self.by])

    def to(self, device: torch.device) -> Masking:
        """Move to another device."""
        return Masking(self.token.to(device), self.replaced.to(device), self.by.to(device))


def draw_masking(
    candidates: Tensor, n: int, mask_rate: float, replace_rate: float, generator: torch.Generator
) -> Masking:
    """Mask a share of the candidates; no gene is scored while its own features are visible.

    Parameters
    ----------
    candidates
        Genes that may be masked, int64.
    n
        Number of genes; the features of any of them may be used as a replacement.
    mask_rate, replace_rate
        Shares of the candidates and of the masked genes.
    generator
        Source of random numbers, on the CPU.

    Returns
    -------
    Masking
        At least one gene.
    """
    order = candidates[torch.randperm(len(candidates), generator=generator)]
    rows = order[: max(round(mask_rate * len(candidates)), 1)]
    n_replaced = round(replace_rate * len(rows))
    replaced = rows[:n_replaced]
    by = torch.randint(n - 1, (n_replaced,), generator=generator)
    by = by + (by >= replaced).long()  # never the gene itself
    return Masking(rows[n_replaced:], replaced, by)

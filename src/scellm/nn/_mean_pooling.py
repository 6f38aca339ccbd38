"""The mean of a cell's tokens, or its [CLS]: poolings with nothing to learn."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from scellm.data._tokens import Padded
from scellm.nn._config import Config


class MeanPooling(nn.Module):
    """Mean of the vectors of a cell's genes, without [CLS] and padding; [CLS] where a cell has no gene.

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.n_genes = config.n_genes

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells dim"]:
        """One vector a cell."""
        weight = (cells.gene < self.n_genes).to(torch.promote_types(hidden.dtype, torch.float32))  # (b, n)
        empty = weight.sum(1) == 0
        weight[:, 0] = torch.where(empty, 1.0, weight[:, 0])
        weight = weight / weight.sum(1, keepdim=True)
        with torch.autocast(hidden.device.type, enabled=False):  # a sum over a thousand genes wants all its bits
            return torch.einsum("bn,bnd->bd", weight, hidden.to(weight.dtype))


class ClsPooling(nn.Module):
    """The vector of [CLS].

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells dim"]:
        """One vector a cell."""
        return hidden[:, 0].to(torch.promote_types(hidden.dtype, torch.float32))

"""A head of drug response that was solved: linear in a line's features, one column a drug."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SolvedResponse(nn.Module):
    """Deviations from the drugs' means, `lines @ weight`, in standard deviations of the drugs; zero until solved.

    Parameters
    ----------
    line_width
        Dimensions of a line's features.
    n_drugs
        Number of known drugs.
    """

    weight: Tensor

    def __init__(self, line_width: int, n_drugs: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(line_width, n_drugs))

    def forward(
        self, lines: Float[Tensor, "lines line_width"], drugs: Float[Tensor, "drugs n_drugs"]
    ) -> Float[Tensor, "lines drugs"]:
        """Deviations of lines; a row of `drugs` holds a single 1, at the place of the drug."""
        return lines @ (self.weight @ drugs.T)

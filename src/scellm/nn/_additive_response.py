"""A head of drug response that is additive: drug + line + interaction."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class AdditiveResponse(nn.Module):
    """Effect of a line and its interaction with a drug, in standard deviations of the drug; the drug's mean is known.

    Parameters
    ----------
    line_width, drug_width
        Dimensions of a line's and of a drug's features.
    rank
        Dimensions in which lines and drugs meet.
    dropout
        Probability of dropout of features.
    """

    def __init__(self, line_width: int, drug_width: int, rank: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.line = nn.Linear(line_width, rank, bias=False)
        self.general = nn.Linear(line_width, 1, bias=False)
        self.drug = nn.Sequential(nn.Linear(drug_width, 256), nn.ReLU(), nn.Dropout(dropout), nn.Linear(256, rank))
        nn.init.normal_(self.line.weight, std=line_width**-0.5)
        nn.init.zeros_(self.general.weight)
        self.scale = rank**-0.5

    def forward(
        self, lines: Float[Tensor, "lines line_width"], drugs: Float[Tensor, "drugs drug_width"]
    ) -> Float[Tensor, "lines drugs"]:
        """Deviations from the drugs' means."""
        x = self.drop(lines)
        return self.general(x) + self.scale * self.line(x) @ self.drug(drugs).T

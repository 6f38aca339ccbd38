"""The paper's head of drug response: both vectors side by side, through three layers."""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn


class JointResponse(nn.Module):
    """CellLM's regression head (paper, appendix F): 256 + 256 to 512, 512 and 1.

    Parameters
    ----------
    line_width, drug_width
        Dimensions of a line's and of a drug's features.
    dropout
        Probability of dropout.
    """

    line_out: ClassVar[int] = 256
    """Width of a line's vector."""

    def __init__(self, line_width: int, drug_width: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.line = self._line_tower(line_width, dropout)
        self.drug = _layer(drug_width, 256, nn.ReLU, dropout)
        self.first = nn.Linear(self.line_out + 256, 512)
        self.rest = nn.Sequential(nn.ELU(), nn.Dropout(dropout), _layer(512, 512, nn.ELU, dropout), nn.Linear(512, 1))

    def _line_tower(self, line_width: int, dropout: float) -> nn.Module:
        return nn.Sequential(_layer(line_width, 1024, nn.ReLU, dropout), _layer(1024, 256, nn.ReLU, dropout))

    def forward(
        self, lines: Float[Tensor, "lines line_width"], drugs: Float[Tensor, "drugs drug_width"]
    ) -> Float[Tensor, "lines drugs"]:
        """Responses of all lines to all drugs, in standard deviations of all responses."""
        line, drug = self.line(lines), self.drug(drugs)  # (lines, line_out), (drugs, 256)
        by_line, by_drug = self.first.weight.split([self.line_out, 256], dim=1)
        # The first layer of a pair is the sum of a line's and a drug's part, so that each is multiplied once.
        joined = (line @ by_line.T)[:, None] + (drug @ by_drug.T)[None] + self.first.bias  # (lines, drugs, 512)
        return self.rest(joined)[..., 0]


def _layer(n: int, m: int, activation: type[nn.Module], dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(n, m), activation(), nn.Dropout(dropout))

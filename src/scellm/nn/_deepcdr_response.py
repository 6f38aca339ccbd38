"""DeepCDR as the paper's code has it: its expression branch beside the graph network of drugs and the paper's head."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from scellm.nn._joint_response import JointResponse


class DeepCDRResponse(JointResponse):
    """The paper's head over DeepCDR's expression branch (Liu et al. 2020, doi:10.1093/bioinformatics/btaa822).

    The branch is linear to 256, tanh, batch normalisation, dropout 0.1, and linear to 100. It reads expression;
    DeepCDR's own mutation and methylation branches and its convolutions are not part of the paper's baseline.

    Parameters
    ----------
    line_width, drug_width, dropout
        As for :class:`JointResponse`.
    """

    line_out: ClassVar[int] = 100

    def _line_tower(self, line_width: int, dropout: float) -> nn.Module:
        return nn.Sequential(
            nn.Linear(line_width, 256), nn.Tanh(), nn.BatchNorm1d(256), nn.Dropout(0.1), nn.Linear(256, 100)
        )

"""Remember the best weights of a run, and restore them at its end."""

from __future__ import annotations

import copy

from torch import Tensor, nn


class BestWeights:
    """The weights of the lowest score so far.

    Attributes
    ----------
    score
        The lowest score; infinity before the first.
    without_progress
        Number of scores since the lowest, none of which was lower: what early stopping counts.
    """

    def __init__(self) -> None:
        self.score, self.without_progress = float("inf"), 0
        self._state: dict[str, Tensor] | None = None

    def update(self, score: float, module: nn.Module) -> bool:
        """Copy the weights if the score is lower than all before; returns whether it is."""
        if not score < self.score:
            self.without_progress += 1
            return False
        self.without_progress = 0
        self.score, self._state = score, copy.deepcopy(module.state_dict())
        return True

    def restore(self, module: nn.Module) -> None:
        """Put the best weights back; nothing is changed if there was no score."""
        if self._state is not None:
            module.load_state_dict(self._state)

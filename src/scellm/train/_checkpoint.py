"""Stop pretraining at any step and resume it; the final weights are those of an uninterrupted run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scellm._logging import logger

_FREE = {"max_epochs", "max_steps", "memory", "checkpoint_every"}
"""Options that may differ in a resumed run: they do not change the result, or are covered by `steps`."""

History = list[dict[str, float]]


class Checkpoint:
    """A file with weights, optimiser, step and history. Randomness is keyed by the step, so no random state is needed.

    Parameters
    ----------
    path
        The file; `None` saves nothing.
    every
        Steps between two saves.
    settings
        Options of the run, as plain values: a file of another run is refused.
    """

    def __init__(self, path: str | os.PathLike | None, every: int, settings: dict[str, Any]) -> None:
        self.path = None if path is None else Path(path)
        self.every, self.settings = every, settings

    def read(self) -> dict[str, Any] | None:
        """Read the saved state, if there is one; no code in the file is executed.

        Raises
        ------
        ValueError
            If the file is of a run with other options.
        """
        if self.path is None or not self.path.exists():
            return None
        saved = torch.load(self.path, weights_only=True, map_location="cpu")
        theirs = saved["settings"]
        differ = {k for k in self.settings if theirs.get(k) != self.settings[k]} - _FREE
        if differ:
            pairs = ", ".join(f"{k}: {theirs.get(k)!r} there, {self.settings[k]!r} here" for k in sorted(differ))
            msg = (
                f"{self.path} is the checkpoint of another run ({pairs}). Use the same options to resume it, or "
                "another file to start a new run."
            )
            raise ValueError(msg)
        return saved

    def first_step(self) -> int:
        """Index of the step to start with."""
        saved = self.read()
        return 0 if saved is None else int(saved["step"])

    def restore(self, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> tuple[int, History]:
        """Restore modules and optimiser; returns the next step and the history so far."""
        saved = self.read()
        if saved is None:
            return 0, []
        for name, module in modules.items():
            module.load_state_dict(saved[name])
        optimizer.load_state_dict(saved["optimizer"])
        logger.info("pretrain: resuming from step %s of %s", f"{saved['step']:,}", self.path)
        return int(saved["step"]), saved["history"]

    def save_if_due(
        self, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, step: int, history: History
    ) -> None:
        """Save, if `every` steps have passed."""
        if step % self.every == 0:
            self.save(modules, optimizer, step, history)

    def save(
        self, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, step: int, history: History
    ) -> None:
        """Write a second file, then replace the first: an interruption leaves the first one intact."""
        if self.path is None:
            return
        state = {name: module.state_dict() for name, module in modules.items()}
        rest = {"optimizer": optimizer.state_dict(), "step": step, "history": history, "settings": self.settings}
        part = self.path.with_name(self.path.name + ".part")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state | rest, part)
        part.replace(self.path)

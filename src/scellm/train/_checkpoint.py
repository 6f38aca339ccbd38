"""Stop pretraining at any step and resume it; the final weights are those of an uninterrupted run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from scellm._logging import logger
from scellm._tensors import damaged, new_part, read_tensors, remove_parts, require_finite, write_tensors

FORMAT = "scellm-checkpoint-2"
_FREE = {"max_epochs", "max_steps", "memory", "checkpoint_every", "threads"}
"""Options that may differ in a resumed run: they do not change the result, or are covered by `steps`."""

_OPTIMIZER = "optimizer"

History = list[dict[str, float]]


class Checkpoint:
    """A file with weights, optimiser, step and history: safetensors, with plain values in its header.

    Randomness is keyed by the step, so no random state is needed.

    Parameters
    ----------
    path
        The file; `None` saves nothing.
    every
        Steps between two saves.
    settings
        Options of the run, as plain values: a file of another run is refused.

    Raises
    ------
    ValueError
        If the path is that of a folder.
    OSError
        If nothing can be written there; better now than after a hundred steps.
    """

    def __init__(self, path: str | os.PathLike | None, every: int, settings: dict[str, Any]) -> None:
        if path is not None and (not str(path) or Path(path).is_dir()):
            msg = f"checkpoint={str(path)!r} must name a file, such as 'run/pretraining.safetensors'."
            raise ValueError(msg)
        self.path = None if path is None else Path(path)
        self.every, self.settings = every, settings
        self.writes = True  # of several processes, the first alone
        self._begun = time.time()
        if self.path is not None:
            _probe(self.path)

    def must_agree(self) -> dict[str, Any]:
        """The options that must be the same in all processes and all parts of a run."""
        return {k: v for k, v in self.settings.items() if k not in _FREE}

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Read tensors and header, if there are any; no code in the file is executed.

        Raises
        ------
        ValueError
            If the file is of a run with other options, or damaged.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            state, header = read_tensors(self.path)
        except ValueError as error:
            msg = f"{error} It is no checkpoint of this version; move it away to start a new run."
            raise ValueError(msg) from error
        theirs, step = header.get("settings"), header.get("step")
        known = header.get("format") == FORMAT and "fingerprint" in header
        if not known or not isinstance(theirs, Mapping) or not isinstance(step, int):
            raise damaged(self.path, f"format {header.get('format')!r}, expected {FORMAT!r}")
        self._refuse_another_run(theirs)
        return state, header

    def _refuse_another_run(self, theirs: Mapping[str, Any]) -> None:
        differ = {k for k in self.settings if theirs.get(k) != self.settings[k]} - _FREE
        if differ:
            pairs = ", ".join(f"{k}: {theirs.get(k)!r} there, {self.settings[k]!r} here" for k in sorted(differ))
            msg = (
                f"{self.path} is the checkpoint of another run ({pairs}). Use the same options and data to resume it, "
                "or another file to start a new run."
            )
            raise ValueError(msg)
        if theirs.get("threads") != self.settings.get("threads"):
            logger.warning(
                "pretrain: resuming with %s threads, and not %s: sums may be rounded otherwise in the last digit",
                self.settings.get("threads"),
                theirs.get("threads"),
            )

    def first_step(self) -> int:
        """Index of the step to start with."""
        saved = self.read()
        return 0 if saved is None else int(saved[1]["step"])

    def restore(self, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer | None) -> tuple[int, History]:
        """Restore modules and optimiser; returns the next step and the history so far.

        All names and shapes are checked before the first tensor is changed.

        Parameters
        ----------
        modules
            By name.
        optimizer
            `None` for none, if the run is complete.
        """
        saved = self.read()
        if saved is None:
            return 0, []
        state, header = saved
        parts = {name: _part(state, name) for name in (*modules, _OPTIMIZER)}
        for name, module in modules.items():
            _check(parts[name], module, name, self.path)
        require_finite(state, str(self.path))
        for name, module in modules.items():
            module.load_state_dict(parts[name])
        if optimizer is not None:
            optimizer.load_state_dict(_optimizer_state(parts[_OPTIMIZER], optimizer))
        return int(header["step"]), list(header["history"])

    def save_if_due(
        self, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, step: int, history: History
    ) -> None:
        """Save, if `every` steps have passed."""
        if step % self.every == 0:
            self.save(modules, optimizer, step, history)

    def save(
        self, modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, step: int, history: History
    ) -> None:
        """Write a second file, then replace the first: an interruption leaves the first one intact.

        Of several processes, only the first writes. What a run that was killed left of
        a file is deleted.

        Raises
        ------
        ValueError
            If a weight is not finite: the last good file stays.
        OSError
            If it cannot be written.
        """
        if self.path is None or not self.writes:
            return
        state = {f"{name}.{k}": v for name, module in modules.items() for k, v in module.state_dict().items()}
        for i, own in optimizer.state_dict()["state"].items():
            state |= {f"{_OPTIMIZER}.{i}.{k}": torch.as_tensor(v) for k, v in own.items()}
        require_finite(state, "The model")
        header = {"format": FORMAT, "step": step, "history": history, "settings": self.settings}
        remove_parts(self.path, self._begun)
        write_tensors(self.path, state, header)


def _probe(path: Path) -> None:
    """Raise OSError if no file can be written beside `path`."""
    probe = None
    try:
        probe = new_part(path)
        probe.write_bytes(b"scellm" * 1000)
    except OSError as error:
        msg = f"checkpoint={str(path)!r} cannot be written ({error}). Choose a folder with space that is writable."
        raise OSError(msg) from error
    finally:
        if probe is not None:
            with suppress(OSError):
                probe.unlink(missing_ok=True)


def _part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}


def _check(part: Mapping[str, Tensor], module: nn.Module, name: str, path: Path | None) -> None:
    own = module.state_dict()
    wrong = sorted(set(part) ^ set(own)) or [k for k in own if part[k].shape != own[k].shape]
    if wrong:
        raise damaged(str(path), f"its {name} does not fit, such as {wrong[:3]}")


def _optimizer_state(part: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The form that torch reads; groups of parameters are those of this run."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in part.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}

"""The base of all training plans over packed tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from scellm.train._processes import Processes


class TokenPlan(pl.LightningModule):
    """A plan whose batches are packed tokens.

    Attributes
    ----------
    processes
        The processes that share its steps; known once the run begins.
    """

    processes = Processes()

    def transfer_batch_to_device(self, batch: dict[str, Tensor], device: torch.device, dataloader_idx: int) -> Any:
        """Leave the batch on the CPU: chunks are cut there and moved one by one."""
        return batch


def adam(parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Adam, as in the paper; fused if torch supports it on the device."""
    parameters = list(parameters)
    fused = all(p.device.type in {"cpu", "cuda"} for p in parameters)
    return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay, fused=fused)

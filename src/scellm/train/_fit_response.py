"""Train a network of drug response by steps over lines, each with all its drugs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from scellm.nn._response_network import DrugInput, ResponseNetwork
from scellm.train._best_weights import BestWeights
from scellm.train._response_config import ResponseConfig

Features = Callable[[Tensor], Tensor]
"""Features of lines by their indices, float32, (lines, features)."""

_CLIP = 5.0
_NOT_FINITE = "Training stopped: the loss is not finite. A usual cause is lr that is too high."


@dataclass(frozen=True)
class ResponseData:
    """What a network learns from.

    Parameters
    ----------
    features
        Gives features of lines.
    drugs
        All drugs.
    targets
        Responses in the units of the head, 0 where unknown, float32, (lines, drugs).
    known
        Which responses are known, bool, (lines, drugs).
    """

    features: Features
    drugs: DrugInput
    targets: Float[Tensor, "lines drugs"]
    known: Bool[Tensor, "lines drugs"]


def fit_response(
    network: ResponseNetwork,
    data: ResponseData,
    train: Tensor,
    held_out: Tensor,
    config: ResponseConfig,
    encoder: list[nn.Module] | None = None,
) -> list[dict[str, float]]:
    """Minimise the mean squared error over known responses; the weights that are best on held-out lines stay.

    Parameters
    ----------
    network
        Trained in place.
    data
        Lines, drugs and responses.
    train, held_out
        Lines to learn from and to stop by, as indices, int64.
    config
        The options.
    encoder
        Parts of the encoder that are trained as well; their dropout stays off.

    Returns
    -------
    list of dict
        `train_loss` and `validation_loss` of each epoch.

    Raises
    ------
    FloatingPointError
        If a loss is not finite.
    """
    parts = nn.ModuleList([network, *(encoder or [])])
    optimizer = torch.optim.AdamW(parts.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    best, history = BestWeights(), []
    for _ in range(config.max_epochs):
        row = {"train_loss": _epoch(network, parts, data, train, optimizer, config.batch_lines)}
        row["validation_loss"] = _validation(network, data, held_out)
        if not math.isfinite(row["validation_loss"]):
            raise FloatingPointError(_NOT_FINITE)
        history.append(row)
        best.update(row["validation_loss"], parts)
        if best.without_progress >= config.patience:
            break
    best.restore(parts)
    network.eval()
    return history


def _epoch(
    network: ResponseNetwork,
    parts: nn.ModuleList,
    data: ResponseData,
    train: Tensor,
    optimizer: torch.optim.Optimizer,
    size: int,
) -> float:
    network.train()
    order = train[torch.randperm(len(train))]
    total, n = 0.0, 0
    for rows in _batches(order, size):
        optimizer.zero_grad(set_to_none=True)
        error, count = _error(network, data, rows)
        loss = error / max(count, 1)
        if not bool(torch.isfinite(loss)):
            raise FloatingPointError(_NOT_FINITE)
        loss.backward()
        nn.utils.clip_grad_norm_(parts.parameters(), _CLIP)
        optimizer.step()
        total, n = total + float(error.detach()), n + count
    return total / max(n, 1)


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """Batches of lines; a last line alone joins the batch before, as one line has no batch statistics."""
    parts = list(order.split(size))
    return [*parts[:-2], torch.cat(parts[-2:])] if len(parts) > 1 and len(parts[-1]) == 1 else parts


@torch.no_grad()
def _validation(network: ResponseNetwork, data: ResponseData, rows: Tensor) -> float:
    network.eval()
    found = [_error(network, data, some) for some in rows.split(256)]
    return sum(float(error) for error, _ in found) / max(sum(n for _, n in found), 1)


def _error(network: ResponseNetwork, data: ResponseData, rows: Tensor) -> tuple[Tensor, int]:
    """Sum of squared errors of some lines, and the number of responses."""
    predicted = network(data.features(rows), data.drugs)  # (lines, drugs)
    known = data.known[rows]
    return ((predicted - data.targets[rows]) ** 2)[known].sum(), int(known.sum())

"""Divide and conquer: the exact gradient of a loss over a whole batch, in the memory of a few chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Vectors = Float[Tensor, "cells dim"]


@dataclass(frozen=True)
class Unit:
    """A chunk of cells in one view: what is computed at once.

    Parameters
    ----------
    view
        Number of the view.
    cells
        Which cells of the batch, int64.
    seed
        Of its dropout: the same both times it is computed.
    n_tokens
        Its size.
    """

    view: int
    cells: Int[Tensor, " cells"]
    seed: int
    n_tokens: int


Run = Callable[[Unit], tuple[Vectors | None, Tensor]]
"""Computes a unit: the vectors of its cells (None if the view takes no part in the loss over the batch), and its share of the other losses."""


@dataclass
class Divided:
    """What a divided step found.

    Parameters
    ----------
    loss
        The loss over the whole batch; 0 if there was none.
    own
        Sum of the units' own losses.
    replay_error
        Largest difference between a vector and itself computed again; 0 where randomness was replayed in full.
    kept
        How many units kept their graph from the first pass, of how many.
    """

    loss: Tensor
    own: Tensor
    replay_error: float
    kept: tuple[int, int]


def divide_and_conquer(
    units: Sequence[Unit],
    run: Run,
    batch_loss: Callable[..., Tensor] | None,
    n_views: int,
    *,
    backward: Callable[[Tensor], None] = Tensor.backward,
    keep_tokens: float = 0,
    devices: Sequence[int] = (),
) -> Divided:
    r"""Accumulate the gradient of `batch_loss(first, second, ...) + sum of the units' own losses`.

    With :math:`h_i = f_w(x_i)` and :math:`G_i = \partial L / \partial h_i`, the chain rule gives
    :math:`\partial L / \partial w = \sum_i G_i\, \partial h_i / \partial w` (paper, appendix A; gradient caching, Gao et al. 2021).
    So: (1) vectors of all units without a graph; (2) one loss on them as leaves, and its gradient :math:`G`; (3) each unit again
    under the same randomness, and the gradient of :math:`\langle h, G \rangle` plus its own loss. The graph of one unit at a time is
    alive. Units at the end whose graphs fit in `keep_tokens` keep them from (1) and skip (3)'s second computation; with room for
    all, this is the end-to-end step. Units of views beyond `n_views` are computed once, in (3).

    Parameters
    ----------
    units
        Chunks; each view up to `n_views` covers every cell once.
    run
        Computes a unit with gradient enabled or not, as it finds it; called under the unit's seed.
    batch_loss
        From the vectors of each view, (cells, dim), rows in the order of the batch, to a scalar. `None`: own losses only.
    n_views
        How many views take part in `batch_loss`, the first ones.
    backward
        How to call backward.
    keep_tokens
        Tokens whose graph may be kept from the first pass.
    devices
        CUDA devices whose randomness is to be replayed.

    Returns
    -------
    Divided
        Losses, detached. Gradients are added to the parameters' `grad`.
    """
    shared = [u for u in units if u.view < n_views] if batch_loss is not None else []
    kept = _units_to_keep(shared, keep_tokens)
    vectors: dict[int, Tensor] = {}
    graphs: dict[int, tuple[Tensor, Tensor]] = {}
    for at, unit in enumerate(shared):
        with torch.set_grad_enabled(at in kept), seeded(unit.seed, devices):
            h, own = _with_vectors(run, unit)
        vectors[at] = h.detach()
        if at in kept:
            graphs[at] = (h, own)
    loss, gradients = _loss_and_gradients(shared, vectors, batch_loss, n_views)

    total, error = torch.zeros(()), 0.0
    # Backwards, so that the graphs that were kept are let go of before others are made. The order, and with it the last bit of
    # the sum, does not depend on how many were kept.
    for at in reversed(range(len(shared))):
        unit = shared[at]
        if at in graphs:
            h, own = graphs.pop(at)
        else:
            with seeded(unit.seed, devices):
                h, own = _with_vectors(run, unit)
            error = max(error, float((h.detach() - vectors[at]).abs().max()))
        backward((h * gradients[unit.view][unit.cells.to(h.device)]).sum() + own)
        total = total + own.detach().to(total)
    for unit in units:
        if batch_loss is None or unit.view >= n_views:
            with seeded(unit.seed, devices):
                _, own = run(unit)
            if own.requires_grad:  # not where no cell of the unit is labelled, and nothing else is asked
                backward(own)
            total = total + own.detach().to(total)
    return Divided(loss, total, error, (len(kept), len(shared)))


def _with_vectors(run: Run, unit: Unit) -> tuple[Vectors, Tensor]:
    h, own = run(unit)
    if h is None:
        msg = f"View {unit.view} takes part in the loss over the batch, but its unit gave no vectors."
        raise ValueError(msg)
    return h, own


def _units_to_keep(units: Sequence[Unit], keep_tokens: float) -> set[int]:
    """The last units whose tokens fit."""
    kept: set[int] = set()
    for at in reversed(range(len(units))):
        keep_tokens -= units[at].n_tokens
        if keep_tokens < 0:
            break
        kept.add(at)
    return kept


def _loss_and_gradients(
    units: Sequence[Unit], vectors: dict[int, Tensor], batch_loss: Callable[..., Tensor] | None, n_views: int
) -> tuple[Tensor, list[Tensor]]:
    """The loss over the batch, and its gradient for each view, rows in the order of the batch."""
    if batch_loss is None:
        return torch.zeros(()), []
    leaves = []
    for view in range(n_views):
        mine = [at for at, u in enumerate(units) if u.view == view]
        order = torch.cat([units[at].cells for at in mine])
        rows = torch.cat([vectors[at] for at in mine])
        leaves.append(torch.empty_like(rows).index_copy_(0, order.to(rows.device), rows).requires_grad_())
    with torch.enable_grad(), torch.autocast(leaves[0].device.type, enabled=False):
        loss = batch_loss(*leaves)
    return loss.detach(), list(torch.autograd.grad(loss, leaves))


@contextmanager
def seeded(seed: int, devices: Sequence[int] = ()) -> Iterator[None]:
    """Run under a seed, and leave torch's random state as it was."""
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        yield

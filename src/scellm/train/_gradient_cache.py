"""The exact gradient of a loss over a whole batch, in the memory of a few chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scellm._random import seeded

Embeddings = Float[Tensor, "cells dim"]


@dataclass(frozen=True)
class Chunk:
    """Cells of a batch in one view that are computed at once.

    Parameters
    ----------
    view
        Index of the view.
    cells
        Indices of the cells in the batch, int64.
    seed
        Seed of dropout: the same both times the chunk is computed.
    n_tokens
        Its size, padding included.
    contrastive
        Whether its embeddings enter the loss over the batch.
    """

    view: int
    cells: Int[Tensor, " cells"]
    seed: int
    n_tokens: int
    contrastive: bool


Forward = Callable[[Chunk], tuple[Embeddings | None, Tensor]]
"""Computes a chunk: embeddings of its cells (`None` if it is not contrastive), and its share of the other losses."""


@dataclass(frozen=True)
class Share:
    """The part of a step that one of several processes computes.

    Parameters
    ----------
    mine
        Positions of its chunks among all chunks of the step.
    sum_in_place
        Sums a tensor over the processes; called once a step if there is a loss over the batch.
    like
        An empty tensor with the width, dtype and device of embeddings, for a process without a chunk.
    """

    mine: frozenset[int]
    sum_in_place: Callable[[Tensor], None]
    like: Tensor


@dataclass
class StepResult:
    """The losses of a step, and how it was computed.

    Parameters
    ----------
    loss
        The loss over the whole batch; 0 if there was none.
    local_loss
        Sum of the chunks' other losses.
    replay_error
        Largest difference between an embedding and its recomputation; 0 if randomness was replayed exactly.
    kept
        Number of contrastive chunks that kept their graph from the first pass, and of all contrastive chunks.
    """

    loss: Tensor
    local_loss: Tensor
    replay_error: float
    kept: tuple[int, int]


def gradient_cache(
    chunks: Sequence[Chunk],
    forward: Forward,
    batch_loss: Callable[..., Tensor] | None,
    *,
    backward: Callable[[Tensor], None] = Tensor.backward,
    keep_tokens: float = 0,
    devices: Sequence[int] = (),
    share: Share | None = None,
) -> StepResult:
    r"""Accumulate the gradient of `batch_loss(first, second, ...) + sum of the chunks' other losses`.

    This is the paper's *divide and conquer* (section 3.4 and appendix A), and gradient caching of Gao et al. 2021
    (arXiv:2101.06983). With :math:`h_i = f_w(x_i)` and :math:`G_i = \partial L / \partial h_i`, the chain rule gives
    :math:`\partial L / \partial w = \sum_i G_i\, \partial h_i / \partial w`. Hence three phases:

    1. **represent**: embeddings of all chunks, without a graph;
    2. **cache gradients**: one loss on the embeddings as leaves, and its gradient :math:`G`;
    3. **forward and backward**: each chunk again under the same randomness, and the gradient of
       :math:`\langle h, G \rangle` plus its other losses. The graph of one chunk at a time is alive.

    The last chunks, as many as fit in `keep_tokens`, keep their graph from phase 1 and are not recomputed. If all fit,
    this is the end-to-end step. Chunks that are not contrastive are computed once, in phase 3.

    Parameters
    ----------
    chunks
        The contrastive chunks of each view cover every cell once.
    forward
        Computes a chunk, with gradient enabled or not; called under the seed of the chunk.
    batch_loss
        Function of the embeddings of each view, (cells, dim), in the order of the batch; returns a scalar. `None`: only
        the other losses.
    backward
        Function that runs the backward pass.
    keep_tokens
        Tokens whose graph may be kept from phase 1.
    devices
        CUDA devices whose randomness is replayed.
    share
        Which of the chunks this process computes; by default all. Embeddings are exchanged without a graph, and every
        process computes the loss over the whole batch. The gradients of all processes add up to that of one.

    Returns
    -------
    StepResult
        Losses, detached. Gradients are added to the parameters' `grad`.
    """
    mine = [c for at, c in enumerate(chunks) if share is None or at in share.mine]
    contrastive = [c for c in mine if c.contrastive and batch_loss is not None]
    others = [c for c in mine if not (c.contrastive and batch_loss is not None)]
    passes = _Passes(forward, backward, devices)
    kept = _last_that_fit(contrastive, keep_tokens)
    embeddings, graphs = _represent(contrastive, passes, kept)
    if share is None:
        whole = [_in_order(contrastive, embeddings, view) for view in _contrastive_views(contrastive)]
    else:
        whole = _exchanged(chunks if batch_loss is not None else [], contrastive, embeddings, share)
    loss, cached = _cache_gradients(whole, batch_loss)
    error = _forward_backward(contrastive, passes, embeddings, graphs, cached)
    _backward_others(others, passes)
    return StepResult(loss, passes.local_loss, error, (len(kept), len(contrastive)))


class _Passes:
    """Forward and backward passes of chunks, and the sum of their other losses."""

    def __init__(self, forward: Forward, backward: Callable, devices: Sequence[int]) -> None:
        self._forward, self._backward, self._devices = forward, backward, devices
        self.local_loss = torch.zeros(())

    def forward(self, chunk: Chunk) -> tuple[Embeddings | None, Tensor]:
        """Compute a chunk under its seed."""
        with seeded(chunk.seed, self._devices):
            return self._forward(chunk)

    def embed(self, chunk: Chunk) -> tuple[Embeddings, Tensor]:
        """Compute a contrastive chunk; raises ValueError if it gives no embeddings."""
        h, local = self.forward(chunk)
        if h is None:
            msg = f"The chunk of view {chunk.view} is contrastive, but its forward pass gave no embeddings."
            raise ValueError(msg)
        return h, local

    def backward(self, surrogate: Tensor, local: Tensor) -> None:
        """Add the gradient of one chunk."""
        if surrogate.requires_grad:  # false if the chunk has no labelled cell and no other loss
            self._backward(surrogate)
        self.local_loss = self.local_loss + local.detach().to(self.local_loss)


def _represent(
    chunks: list[Chunk], passes: _Passes, kept: set[int]
) -> tuple[list[Tensor], dict[int, tuple[Tensor, Tensor]]]:
    """Phase 1: embeddings without a graph, and the graphs of the chunks in `kept`."""
    embeddings, graphs = [], {}
    for at, chunk in enumerate(chunks):
        with torch.set_grad_enabled(at in kept):
            h, local = passes.embed(chunk)
        embeddings.append(h.detach())
        if at in kept:
            graphs[at] = (h, local)
    return embeddings, graphs


def _exchanged(chunks: Sequence[Chunk], mine: list[Chunk], embeddings: list[Tensor], share: Share) -> list[Tensor]:
    """Embeddings of every view from all processes, in the order of the batch, each (cells, dim)."""
    sizes = {view: sum(len(c.cells) for c in chunks if c.view == view) for view in _contrastive_views(chunks)}
    whole = share.like.new_zeros(sum(sizes.values()), share.like.shape[1])  # (views * cells, dim)
    if not sizes:
        return []
    parts = dict(zip(sizes, whole.split(list(sizes.values())), strict=True))
    for chunk, h in zip(mine, embeddings, strict=True):
        parts[chunk.view][chunk.cells.to(h.device)] = h.to(whole.dtype)
    share.sum_in_place(whole)  # each row is zero but in one process, so the sum is exact
    return list(parts.values())


def _contrastive_views(chunks: Sequence[Chunk]) -> list[int]:
    return sorted({c.view for c in chunks if c.contrastive})


def _cache_gradients(whole: list[Tensor], batch_loss: Callable[..., Tensor] | None) -> tuple[Tensor, list[Tensor]]:
    """Phase 2: the loss over the batch, and its gradient for each view, in the order of the batch."""
    if batch_loss is None or not whole:
        return torch.zeros(()), []
    leaves = [h.requires_grad_() for h in whole]
    with torch.enable_grad(), torch.autocast(leaves[0].device.type, enabled=False):
        loss = batch_loss(*leaves)
    return loss.detach(), list(torch.autograd.grad(loss, leaves))


def _forward_backward(
    chunks: list[Chunk],
    passes: _Passes,
    embeddings: list[Tensor],
    graphs: dict[int, tuple[Tensor, Tensor]],
    cached: list[Tensor],
) -> float:
    """Phase 3 for contrastive chunks; returns the largest difference between an embedding and its recomputation."""
    error = 0.0
    # Backwards, so that kept graphs are released before others are made. The order, and with it the last bit of the
    # sum, does not depend on how many were kept.
    for at in reversed(range(len(chunks))):
        chunk, recomputed = chunks[at], at not in graphs
        h, local = passes.embed(chunk) if recomputed else graphs.pop(at)
        if recomputed:
            error = max(error, float((h.detach() - embeddings[at]).abs().max()))
        gradient = cached[chunk.view][chunk.cells.to(h.device)]  # (cells, dim)
        passes.backward((h * gradient).sum() + local, local)
    return error


def _backward_others(chunks: list[Chunk], passes: _Passes) -> None:
    """Phase 3 for chunks that do not enter the loss over the batch."""
    for chunk in chunks:
        _, local = passes.forward(chunk)
        passes.backward(local, local)


def _in_order(chunks: list[Chunk], embeddings: list[Tensor], view: int) -> Tensor:
    """Embeddings of one view in the order of the batch, (cells, dim)."""
    mine = [at for at, chunk in enumerate(chunks) if chunk.view == view]
    order = torch.cat([chunks[at].cells for at in mine])
    rows = torch.cat([embeddings[at] for at in mine])
    return torch.empty_like(rows).index_copy_(0, order.to(rows.device), rows)


def _last_that_fit(chunks: list[Chunk], keep_tokens: float) -> set[int]:
    """Positions of the last chunks that fit in `keep_tokens`."""
    kept: set[int] = set()
    for at in reversed(range(len(chunks))):
        keep_tokens -= chunks[at].n_tokens
        if keep_tokens < 0:
            break
        kept.add(at)
    return kept

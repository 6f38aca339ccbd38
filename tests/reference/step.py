"""The gradient of a whole pretraining batch by non-reentrant checkpointing of each chunk: autograd does all the book-keeping."""

from __future__ import annotations

import torch
from torch.utils.checkpoint import checkpoint


def checkpointed_loss(units, run, batch_loss, n_views, replay=True):
    """One scalar whose backward recomputes each unit; `run` must draw its dropout from torch's random state."""
    vectors, own = {v: [] for v in range(n_views)}, []
    order = {v: [] for v in range(n_views)}
    for unit in units:
        torch.manual_seed(unit.seed)
        h, mine = checkpoint(run, unit, use_reentrant=False, preserve_rng_state=replay)
        own.append(mine)
        if unit.view < n_views:
            vectors[unit.view].append(h)
            order[unit.view].append(unit.cells)
    rows = [torch.cat(vectors[v])[torch.argsort(torch.cat(order[v]))] for v in range(n_views)]
    return (batch_loss(*rows) if batch_loss else 0) + sum(own)

"""The gradient of a whole pretraining batch, computed by autograd with checkpointing of each chunk."""

from __future__ import annotations

import torch
from torch.utils.checkpoint import checkpoint


def checkpointed_loss(chunks, forward, batch_loss, replay=True):
    """One scalar whose backward recomputes each chunk; `forward` must draw its dropout from torch's random state."""
    embeddings, order, local = {}, {}, []
    for chunk in chunks:
        torch.manual_seed(chunk.seed)
        h, mine = checkpoint(forward, chunk, use_reentrant=False, preserve_rng_state=replay)
        local.append(mine)
        if chunk.contrastive:
            embeddings.setdefault(chunk.view, []).append(h)
            order.setdefault(chunk.view, []).append(chunk.cells)
    rows = [torch.cat(embeddings[v])[torch.argsort(torch.cat(order[v]))] for v in sorted(embeddings)]
    return (batch_loss(*rows) if batch_loss else 0) + sum(local)

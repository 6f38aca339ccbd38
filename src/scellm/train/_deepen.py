"""Start a model from one with fewer blocks, without changing what it says."""

from __future__ import annotations

import torch
from torch import nn

from scellm.nn._module import CellLMModule


@torch.no_grad()
def deepen(module: CellLMModule, shallow: CellLMModule) -> None:
    """Give a model the weights of one with fewer blocks; the blocks it has more say nothing at first.

    The last layers of their attention and feed-forward start at zero, so each adds nothing to its input, and the model gives every cell
    the vector that the shallow one gives (Net2Net, Chen et al. 2016, arXiv:1511.05641). What is learned cheaply without attention, such
    as which genes tell cells apart, need not be learned again with it.

    Parameters
    ----------
    module
        Its tables, pooling, heads and first blocks get the weights of `shallow`; its annotation head stays.
    shallow
        Of the same shape in all but depth and dropout; depth 0, the encoder without blocks, also goes with any attention.

    Raises
    ------
    ValueError
        If the shapes differ in more, or `shallow` is the deeper one.
    """
    own, given = module.config.to_dict(), shallow.config.to_dict()
    free = {"depth", "dropout"} | ({"attention", "n_features"} if not given["depth"] else set())
    differ = sorted(k for k in own if own[k] != given[k] and k not in free)
    if differ or given["depth"] > own["depth"]:
        msg = (
            f"deepen takes a model of the same shape and at most the same depth; found depth {given['depth']} for {own['depth']}, and other "
            f"{differ or 'options alike'}. Make both with the same options but depth=."
        )
        raise ValueError(msg)
    state = {k: v for k, v in shallow.state_dict().items() if not k.startswith("annotation_head.")}
    module.load_state_dict(state, strict=False)
    for block in module.encoder.blocks[given["depth"] :]:
        for layer in (block.attention.to_out, block.ff.w2):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

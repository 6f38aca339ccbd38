"""Initialise a model from one with fewer blocks, without changing its output."""

from __future__ import annotations

import torch
from torch import nn

from scellm.module._cell_lm_module import CellLMModule


@torch.no_grad()
def initialize_from_shallower(module: CellLMModule, shallow: CellLMModule) -> None:
    """Give a model the weights of one with fewer blocks; added blocks start as the identity.

    The last layers of attention and feed-forward in the added blocks are set to zero. Such a block adds nothing to its
    input, so every cell keeps the embedding that the shallower model gives (Net2Net, Chen et al. 2016,
    arXiv:1511.05641). A model without attention learns at low cost which genes distinguish cells, and this is kept.

    Parameters
    ----------
    module
        Its tables, pooling, heads and first blocks get the weights of `shallow`; its annotation head is not changed.
    shallow
        A model of the same shape except depth and dropout. A bag-of-genes model (depth 0) fits any attention.

    Raises
    ------
    ValueError
        If the shapes differ in other options, or `shallow` is the deeper one.
    """
    own, given = module.config.to_dict(), shallow.config.to_dict()
    free = {"depth", "dropout"} | ({"attention", "n_features"} if not given["depth"] else set())
    differ = sorted(k for k in own if own[k] != given[k] and k not in free)
    if differ or given["depth"] > own["depth"]:
        msg = (
            "initialize_from_shallower takes a model of the same shape and at most the same depth; found depth "
            f"{given['depth']} for {own['depth']}, and these other options differ: {differ or 'none'}. Make both with "
            "the same options except depth=."
        )
        raise ValueError(msg)
    state = {k: v for k, v in shallow.state_dict().items() if not k.startswith("annotation_head.")}
    module.load_state_dict(state, strict=False)
    for block in module.cell_encoder.encoder.blocks[given["depth"] :]:
        for layer in (block.attention.to_out, block.ff.w2):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

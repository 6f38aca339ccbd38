"""How many tokens to compute at once, and how many graphs to keep."""

from __future__ import annotations

import torch

from scellm.nn._config import Config
from scellm.nn._favor import keeps_features

_CPU_BYTES = 2 << 30
"""Activations kept between the passes on a CPU. Fixed, so that a run does not depend on what else the machine does."""


def bytes_per_token(config: Config, bytes_per_value: int = 4) -> int:
    """About what the graph of one token holds, in bytes: the activations that the gradient of each block needs.

    Parameters
    ----------
    config
        The shape.
    bytes_per_value
        4, or 2 under bf16.

    Returns
    -------
    int
        Bytes; `benchmarks/divide_and_conquer.py` prints it beside what is measured.
    """
    inner = config.heads * config.dim_head
    sums = config.heads * config.features * (config.dim_head + 1) / 500  # per cell, of some 500 genes
    features = (
        2 * config.heads * config.features
        if keeps_features(8192 * config.heads, config.features, bytes_per_value)
        else 0
    )
    block = 7 * config.dim + 6 * inner + 4 * config.ff_mult * config.dim + sums + features
    return int(bytes_per_value * (config.depth * block + 4 * config.dim))


def keep_tokens(config: Config, device: torch.device, memory: int | str, bytes_per_value: int = 4) -> float:
    """Tokens whose graph fits in a memory budget.

    Parameters
    ----------
    config
        The shape.
    device
        Where the activations live.
    memory
        Bytes, or "auto": 2 GiB on a CPU, half of what is free on a GPU.
    bytes_per_value
        4, or 2 under bf16.

    Returns
    -------
    float
        Number of tokens.
    """
    if memory == "auto":
        memory = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else _CPU_BYTES
    return int(memory) // bytes_per_token(config, bytes_per_value)


def chunk_tokens(config: Config, device: torch.device, chunk: int | str) -> int:
    """Tokens to compute at once.

    Parameters
    ----------
    config
        The shape.
    device
        Where.
    chunk
        A number, or "auto": 8,192 on a CPU, on a GPU as many as fit a thirty-second of its memory, in thousands. The cut decides which
        random numbers dropout draws, so it must not depend on what else the GPU holds.

    Returns
    -------
    int
        Number of tokens.
    """
    if chunk != "auto":
        return int(chunk)
    if device.type == "cuda":
        return max(torch.cuda.mem_get_info(device)[1] // 32 // bytes_per_token(config) // 1024 * 1024, 8192)
    return 8192

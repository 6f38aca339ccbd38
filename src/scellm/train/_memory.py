"""Number of tokens to compute at once, and of graphs to keep."""

from __future__ import annotations

import torch

from scellm.nn import ATTENTIONS, Config

_CPU_BYTES = 2 << 30
"""Activations kept between the passes on a CPU. Fixed, so that a run does not depend on the load of the machine."""

_CPU_CHUNK = 8192


def bytes_per_token(config: Config, bytes_per_value: int = 4) -> int:
    """Estimate the bytes that the graph of one token holds: the activations that the gradient of each block needs.

    Parameters
    ----------
    config
        The shape.
    bytes_per_value
        4, or 2 in bf16.

    Returns
    -------
    int
        Number of bytes; `benchmarks/divide_and_conquer.py` prints it beside the measured memory.
    """
    kernel = ATTENTIONS[config.attention].saved_values(config.heads, config.dim_head, config.features, bytes_per_value)
    attention = 2 * config.heads * config.dim_head + kernel  # and the joined heads, twice
    block = 7 * config.dim + attention + 4 * config.ff_mult * config.dim
    return int(bytes_per_value * (config.depth * block + 4 * config.dim))


def keep_tokens(config: Config, device: torch.device, memory: int | str, bytes_per_value: int = 4) -> float:
    """Tokens whose graph fits in a memory budget.

    Parameters
    ----------
    config
        The shape.
    device
        The device of the activations.
    memory
        Bytes, or "auto": 2 GiB on a CPU, half of the free memory of a GPU.
    bytes_per_value
        4, or 2 in bf16.

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
        The device.
    chunk
        A number, or "auto": 8,192 on a CPU; on a GPU as many as fit in 1/32 of its memory, rounded down to a multiple
        of 1,024, at least 8,192. Chunks decide which random numbers dropout draws, so they do not depend on the free
        memory of the GPU.

    Returns
    -------
    int
        Number of tokens.
    """
    if chunk != "auto":
        return int(chunk)
    if device.type == "cuda":
        return max(torch.cuda.mem_get_info(device)[1] // 32 // bytes_per_token(config) // 1024 * 1024, _CPU_CHUNK)
    return _CPU_CHUNK

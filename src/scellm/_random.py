"""Random numbers that depend only on a key, not on a state, an order or a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(x: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea & Flood 2014): uint64 to well-mixed uint64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(key: int, cell: np.ndarray, gene: np.ndarray | int) -> np.ndarray:
    """A number in [0, 1) for each (key, cell, gene), the same in any process and any order.

    Parameters
    ----------
    key
        Key of the draw, from :func:`draw_key`.
    cell
        Index of the cell, (values,).
    gene
        Gene id, or a negative number for one value per cell; (values,) or a scalar.

    Returns
    -------
    numpy.ndarray
        float64, (values,).
    """
    with np.errstate(over="ignore"):  # overflow is intended: arithmetic modulo 2^64
        h = mix(np.asarray(cell).astype(np.uint64) + np.uint64(key))
        h = mix(h + np.asarray(gene).astype(np.int64).astype(np.uint64) * _GOLDEN + _GOLDEN)
    return (h >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw_key(seed: int, step: int, view: int) -> int:
    """Combine a seed, the index of a step and the index of a view into one key, a 64-bit integer."""
    with np.errstate(over="ignore"):
        h = mix(np.array([seed], np.uint64) + _GOLDEN)
        h = mix(h + np.uint64(step) * _GOLDEN + np.uint64(view))
    return int(h[0])


@contextmanager
def seeded(seed: int | None = None, devices: Sequence[int] | None = None) -> Iterator[None]:
    """Run code that draws from torch's global streams, without moving those for others.

    Parameters
    ----------
    seed
        Seed inside; `None` goes on from the present state.
    devices
        CUDA devices whose streams are meant too. By default all, if CUDA is in use.
    """
    in_use = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    streams = list(in_use if devices is None else devices)
    with torch.random.fork_rng(devices=streams):
        if seed is not None:
            _seed(seed, streams)
            if devices is None:
                torch.cuda.manual_seed_all(seed)  # waits for a GPU that is not in use yet
        yield


def _seed(seed: int, cuda: Sequence[int]) -> None:
    """Seed the processor, some CUDA devices, and the GPU of a Mac, whose stream :func:`seeded` does not put back."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed formats stack traces for GPUs not there
    for device in cuda:
        torch.cuda.default_generators[device].manual_seed(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def cuda_devices(device: torch.device) -> list[int]:
    """The index of a CUDA device, whose random state must be restored; empty for other devices."""
    return [device.index or 0] if device.type == "cuda" else []

"""Differences between versions of the dependencies, handled in one place."""

from __future__ import annotations

import os
from typing import Any

import torch
from anndata import AnnData


def layer_names(adata: AnnData) -> list[str]:
    """Names of the layers. From anndata 0.13 on, `layers` also lists `X`, under the key `None`; it is left out here.

    Parameters
    ----------
    adata
        Cells by genes.

    Returns
    -------
    list of str
        In the order of the AnnData.
    """
    return [name for name in adata.layers if name is not None]


def device_of(accelerator: str, devices: Any = "auto") -> torch.device:
    """The device on which Lightning would compute, found without creating a trainer.

    scvi-tools has this as `scvi.model._utils.parse_device_args`, which is private and was moved between its versions.

    Parameters
    ----------
    accelerator
        "auto", "cpu", "gpu", "cuda" or "mps".
    devices
        Number, list of indices or "auto"; of a list, the index of this process is used, the first if there is one.

    Returns
    -------
    torch.device
        As Lightning does, "auto" prefers a CUDA device, then that of a Mac (MPS), then the CPU.
    """
    gpu = "mps" if torch.backends.mps.is_available() and not torch.cuda.is_available() else "cuda"
    auto = gpu if torch.cuda.is_available() or gpu == "mps" else "cpu"
    name = {"gpu": gpu, "auto": auto}.get(accelerator, accelerator)
    if name != "cuda":
        return torch.device(name)
    rank = int(os.environ.get("LOCAL_RANK", "0"))  # of several processes of this machine, each has its own device
    mine = devices[min(rank, len(devices) - 1)] if isinstance(devices, list | tuple) and devices else rank
    return torch.device("cuda", int(mine))

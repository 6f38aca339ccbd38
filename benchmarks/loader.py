"""Tokens per second of the pretraining loader with thinned views, and of the training of the `mini` encoder.

python benchmarks/loader.py
"""

from __future__ import annotations

import logging
import time

import numpy as np
import torch
from _data import read, table

import scellm
from scellm.data import RandomSampler, Thin, Tokens
from scellm.data._anndata_dataset import ViewDataset
from scellm.data._samplers import StepSampler
from scellm.module import CellLMModule
from scellm.nn import make_config


def main() -> None:
    scellm.settings.verbosity = logging.ERROR
    adata = read("eval/pbmc3k.h5ad")
    scellm.CellLM.setup_anndata(adata)
    manager = scellm.CellLM(adata).adata_manager
    dataset = ViewDataset(manager, (Thin(), Thin()))
    tokens, start = 0, time.perf_counter()
    for draw in StepSampler(RandomSampler(np.arange(adata.n_obs)), 256, 20, seed=0):
        batch = dataset[draw]
        tokens += len(batch["gene"]) + len(batch["gene_b"])
    loaded = tokens / (time.perf_counter() - start)

    torch.manual_seed(0)
    module = CellLMModule(make_config("mini", 19_225)).train()
    some = Tokens(*(torch.from_numpy(dataset[0, np.arange(64)][k]) for k in ("gene", "bin", "offsets")))

    def consume() -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            module.embed(some).square().mean().backward()
        return len(some.gene) / (time.perf_counter() - start)

    consumed = max(consume() for _ in range(4))
    print(table([{"loader tokens/s": loaded, "encoder tokens/s": consumed, "times": loaded / consumed}]))


if __name__ == "__main__":
    main()

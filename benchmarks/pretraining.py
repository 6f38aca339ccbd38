"""Tokens per second of CPU pretraining of `mini`, steps of 256 corpus cells in bf16, compared with `plain_loop.py`.

    python benchmarks/pretraining.py [cells] [most genes per cell]

A token counts once for each view in which it is computed; padding does not count. Both use the same cells of at most
2,000 genes, drawn uniformly from the corpus: attention in the plain loop grows with the square of the longest cell of a
batch, and would take hours with all cells. Shorter cells favour the plain loop.
"""

from __future__ import annotations

import logging
import sys
import time

import anndata as ad
import numpy as np
import plain_loop
import torch
from _data import DATA, table

import scellm
from scellm._keys import BINS, GENE


def corpus(share: float = 0.03, longest: int = 2000) -> ad.AnnData:
    """The same share of cells of every source, on the vocabulary."""
    parts = []
    for path in sorted((DATA / "corpus").glob("*.h5ad")):
        adata = ad.read_h5ad(path)
        short = np.flatnonzero(np.diff(adata.X.indptr) <= longest)
        rows = np.random.default_rng(0).permutation(short)[: round(share * adata.n_obs)]
        adata = adata[np.sort(rows)].copy()
        scellm.pp.prepare(adata, min_counts=0)  # the nuclei with fewest genes have many transcripts of unknown genes
        x, gene = adata.layers[BINS], adata.var[GENE].to_numpy()
        known = np.flatnonzero(gene >= 0)
        first = known[np.unique(gene[known], return_index=True)[1]]
        adata = adata[:, first].copy()
        adata.var_names = scellm.genes.load_vocabulary().symbols[gene[first]]
        parts.append(ad.AnnData(adata.X, obs=adata.obs[["origin"]], var=adata.var[[]]))
        del x
    joined = ad.concat(parts, join="outer", fill_value=0)
    joined.obs_names_make_unique()
    return joined


def ours(adata: ad.AnnData, rows: np.ndarray, **options) -> float:
    """Tokens per second of `model.pretrain`, after one step as a warm-up."""
    scellm.settings.seed = 0
    model = scellm.CellLM(adata)
    common = {
        "batch_size": 256,
        "indices": rows,
        "precision": "bf16-mixed",
        "enable_progress_bar": False,
        "accelerator": "cpu",
    } | options
    model.pretrain(max_steps=1, **common)
    steps = len(rows) // 256
    views = 2 + (options.get("masked_inputs") != "shared")
    lengths = np.diff(adata.layers[BINS].indptr)[rows] + 1
    start = time.perf_counter()
    model.pretrain(max_steps=steps, **common)
    return views * lengths.sum() * (steps * 256 / len(rows)) / (time.perf_counter() - start)


def main(cells: int = 512, longest: int = 2000) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    torch.set_num_threads(2)
    adata = corpus(longest=longest)
    scellm.CellLM.setup_anndata(adata, malignancy_key="origin")
    rows = np.random.default_rng(1).permutation(adata.n_obs)[:cells]
    lengths = np.diff(adata.layers[BINS].indptr)[rows]
    print(
        f"{len(rows)} cells of {adata.n_obs}; genes per cell: median {np.median(lengths):.0f}, 95th centile "
        f"{np.quantile(lengths, 0.95):.0f}"
    )
    gene = adata.var[GENE].to_numpy()
    plain = plain_loop.tokens_per_second(
        adata.layers[BINS], gene, len(scellm.genes.load_vocabulary()), rows[:128]
    )  # it is slow
    found = {"plain loop, 64 cells, 2 views": plain}
    print(f"plain loop: {plain:.0f} tokens per second", flush=True)
    found["scellm, 256 cells, 2 views, masked inputs shared"] = ours(adata, rows, masked_inputs="shared")
    found["scellm, 256 cells, 2 views + masked"] = ours(adata, rows)
    found["scellm, no graph kept (memory=0), 2 views + masked"] = ours(adata, rows, memory=0)
    print(table([{"what": k, "tokens/s": v, "of plain": v / plain} for k, v in found.items()]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

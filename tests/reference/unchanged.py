"""Numbers that a redesign must not change: computed here, stored in `unchanged.npz`, and compared by a test.

    python -m tests.reference.unchanged --check    # prints the largest difference of each part
    python -m tests.reference.unchanged            # writes the file; run it only if numbers are meant to change

The file was made at the commit before the package was rearranged. Since then, "train last" and "train full" were
written again (probabilities differ by up to .0017), when dropout of training by steps was keyed by step and chunk.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import scanpy as sc
import torch

import scellm
from scellm import bm
from scellm.train import graphmae
from tests.conftest import QUIET, SMALL, make_adata

FILE = Path(__file__).with_suffix(".npz")
STEPS = {"max_steps": 3, "batch_size": 16, "lr": 1e-3, **QUIET}
SHIPPED = {"pooling": "expression", "hashed_dim": 24, "projector": 8}


def shipped() -> dict[str, np.ndarray]:
    """Cell embeddings of `celllm-mini`: eight blood cells included in scanpy, and eight cells with simulated counts."""
    model = scellm.CellLM.from_pretrained("celllm-mini")
    blood = sc.datasets.pbmc68k_reduced()[:8].copy()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="adata.raw was read as log1p"
        )  # it is rounded, so its scale is assumed
        scellm.pp.prepare(blood, panel=True)
    made = make_adata(8)
    return {"blood": model.get_latent_representation(blood), "made": model.get_latent_representation(made)}


def pretrained(**options) -> scellm.CellLM:
    """A small model after three steps; `shape` holds the options of the model."""
    adata = make_adata()
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type", malignancy_key="origin")
    scellm.settings.seed = 0
    model = scellm.CellLM(adata, **{**SMALL, **options.pop("shape", {})})
    model.pretrain(**STEPS, **options)
    return model


RUNS = {
    "defaults": {},
    "thinned": {"view": "thin", "chunk_tokens": 300, "redraw_every": 2},
    "moco": {"contrast": "moco", "view": ("identity", "subsample"), "queue": 32},
    "end_to_end": {"contrast": "end-to-end", "symmetric": True},
    "no_contrast": {"contrast": None, "shape": {"pooling": "mean", "attention": "softmax"}},
    "as_shipped": {"view": "thin", "shape": SHIPPED, "masked_inputs": "shared", "symmetric": True},
    "bag": {"view": "thin", "objectives": ("contrastive",), "shape": {**SHIPPED, "depth": 0}},
    "fixed_genes": {"shape": {"gene_dim": 5, "gene_embeddings": "random", "train_genes": False}},
}


def runs() -> dict[str, np.ndarray]:
    """Embeddings and losses after pretraining; probabilities after fine-tuning."""
    found = {}
    for name, options in RUNS.items():
        model = pretrained(**{k: dict(v) if isinstance(v, dict) else v for k, v in options.items()})
        found[f"{name} embedding"] = model.get_latent_representation()
        found[f"{name} loss"] = model.history["pretrain_loss"].to_numpy(float).ravel()
    for tune in ("head", "last", "full"):
        model = pretrained()
        model.train(max_epochs=2, tune=tune, class_weights="balanced", **QUIET)
        found[f"train {tune}"] = model.predict(soft=True).to_numpy()
    return found


def corpus() -> dict[str, np.ndarray]:
    """Embeddings after pretraining on a corpus of two files."""
    with tempfile.TemporaryDirectory() as folder:
        for seed, n in ((1, 40), (2, 25)):
            make_adata(n, seed=seed).write_h5ad(Path(folder) / f"{seed}.h5ad")
        built = scellm.data.build_corpus(folder, Path(folder) / "corpus", min_genes=10, malignancy_key="origin")
        scellm.settings.seed = 0
        model = scellm.CellLM.without_data(**SMALL, **SHIPPED)
        model.pretrain(corpus=built, view="thin", source_block=8, source_power=0.3, **STEPS)
        return {"corpus embedding": model.get_latent_representation(make_adata(10, seed=5))}


def benchmark() -> dict[str, np.ndarray]:
    """Scores and intervals of three simple methods."""
    adata = make_adata(90)
    adata.X = adata.X.copy()
    adata.obsm["X_noisy"] = np.eye(3)[np.arange(90) % 3] + np.random.default_rng(0).normal(0, 0.6, (90, 3))
    methods = {
        "expression": scellm.baselines.LogisticRegression,
        "pca": lambda: scellm.baselines.PCALogisticRegression(10),
        "embedding": lambda: scellm.baselines.EmbeddingLogisticRegression("X_noisy"),
    }
    tasks = [bm.Task("few", adata, "cell_type", bm.FewLabels(2)), bm.Task("many", adata, "cell_type", bm.Stratified())]
    results = bm.run(tasks, methods, seeds=3)
    table = bm.summary(results, against=["embedding"], n_boot=200)
    return {
        "bm values": results.table["value"].to_numpy(float),
        "bm summary": table[["mean", "sd", "difference", "low", "high"]].to_numpy(float),
    }


def networks() -> dict[str, np.ndarray]:
    """Gene embeddings learned on the example network, for each installed graph library."""
    found = {}
    for backend in ("pyg", "dgl"):
        try:
            table = graphmae.train(
                graphmae.load_example_network(),
                columns=("a", "b"),
                backend=backend,
                seed=1,
                edge_drop=0.1,
                dim=16,
                heads=2,
                n_features=8,
                max_epochs=12,
                progress_bar=False,
            )
        except ImportError:
            continue
        found[f"graphmae {backend}"] = table.dropna().to_numpy()[:40]
    return found


PARTS = {"shipped": shipped, "runs": runs, "corpus": corpus, "benchmark": benchmark, "networks": networks}


def check() -> None:
    """Print the largest difference of each part to the file, relative to its largest number."""
    kept = np.load(FILE)
    for part, compute in PARTS.items():
        off = [
            np.nanmax(np.abs(found - kept[name])) / np.nanmax(np.abs(kept[name])) for name, found in compute().items()
        ]
        print(f"reference vectors, {part}: largest relative difference {max(off):.1e} in {len(off)} arrays")


if __name__ == "__main__":
    torch.set_num_threads(1)
    scellm.settings.verbosity = logging.ERROR
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if "--check" in sys.argv:
        check()
        sys.exit()
    numbers = {k: v for part in PARTS.values() for k, v in part().items()}
    np.savez_compressed(FILE, torch=np.array(torch.__version__), **numbers)
    print(f"{FILE.name}: {len(numbers)} arrays, {FILE.stat().st_size / 1e3:.0f} kB")

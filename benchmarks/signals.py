"""What pretraining can learn from: positives, panels and denoising, without attention and with it.

    python benchmarks/signals.py DATA/corpus WORK [names ...]
    python benchmarks/signals.py DATA/corpus WORK --docs docs/user_guide/_weights_signals.md

Five labelled sources are left out whole as unseen tissue (heart nuclei, two tumours, cancer cell lines, brain nuclei),
and 900 cells of another (immune cells) as unseen cells of seen tissue. Every variant learns from the rest and is judged
by macro-F1 of logistic regression on frozen embeddings with 2 and 5 labelled cells per type, eight seeds. Differences
below .01 mean nothing here. The evaluation sets are not used.

Models that denoise are also judged without any label: nats a molecule of one half of a cell given the other half, minus
those of the mean profile of the same source (lower is better). Rows are added to `WORK/signals.csv`.
"""

from __future__ import annotations

import argparse
import logging
import time
import tomllib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import cast

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _data import corpus_of, markdown, some_labelled

import scellm
from scellm import bm
from scellm._tokens import Tokens
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.data import Corpus, SplitCounts, Thin
from scellm.data._batch import draw_views
from scellm.data._prepared import PreparedCounts
from scellm.module import initialize_from_shallower
from scellm.nn import ProfileHead
from scellm.train import profile_loss
from scellm.train._pretraining_run import CELLS_TO_INITIALIZE, CELLS_TO_WHITEN
from scellm.train._whitening import within_group_whitening
from scellm.train.objectives._denoise import source_profiles

LABELS, CELLS, SEEN_CELLS, SEEDS = "cell_type", 1200, 900, 8
UNSEEN = (
    "heart_san_nuclei",
    "ovarian_tumor_qian2020",
    "mbc_liver_htan",
    "lung_cancer_lines_mixology",
    "brain_nuclei_habib2017",
)
SEEN = ("immune_pyomic",)
CONFIG = tomllib.loads((Path(__file__).parents[1] / "scripts" / "pretrain_mini.toml").read_text())
SIMPLE = {"log expression": LogisticRegression, "PCA-50 of the evaluated cells": PCALogisticRegression}

CONTRAST = {
    "objectives": ("contrastive",),
    "temperature": 0.1,
    "symmetric": True,
    "source_power": 0.5,
    "source_block": 32,
    "view": Thin(0.2, 0.7),
    "lr": 1e-2,
}
CLUSTERS = {"positives": "clusters", "negatives": "source"}
PANELS = {"view": "panels", "negatives": "source"}
BOTH = {**PANELS, **CLUSTERS}
DENOISE = {"objectives": ("denoise",), "view": "split", "source_power": 0.5, "source_block": 64, "lr": 5e-4}
WHITENED = {"max_steps": 0, "whiten": "clusters"}
LONG, SHORT = {"max_steps": 300, "batch_size": 256}, {"max_steps": 200, "batch_size": 128}
BLOCKS = {"lr": 2e-3, "precision": "bf16-mixed"}
SAME = {"precision": "bf16-mixed"}
PLAIN = {"projector": 0}
SMALL = {"gene_embeddings": "random", "gene_dim": 1}  # the table that only attention needs, at its smallest
VARIANTS: dict[str, dict] = {
    "PCA initialisation": {"max_steps": 0},
    "PCA initialisation, whitened": {"after": "PCA initialisation", **WHITENED},
    "bag, two views of a cell": {**CONTRAST, **LONG},
    "bag, two views, negatives of the source": {**CONTRAST, **LONG, "negatives": "source"},
    "bag, clusters": {**CONTRAST, **LONG, **CLUSTERS},
    "bag, clusters, one number a gene": {**CONTRAST, **LONG, **CLUSTERS, "model": SMALL},
    "bag, clusters, whitened": {"after": "bag, clusters", **WHITENED},
    "bag, panels": {**CONTRAST, **LONG, **PANELS},
    "bag, panels and clusters": {**CONTRAST, **LONG, **BOTH},
    "bag, panels and clusters, whitened": {"after": "bag, panels and clusters", **WHITENED},
    "bag, denoising, short": {**DENOISE, **SHORT, "model": PLAIN},
    "bag and perceptron, denoising, short": {**DENOISE, **SHORT},
    "2 blocks, denoising, short": {**DENOISE, **SHORT, **SAME, "model": {**PLAIN, "depth": 2}},
    "4 blocks, denoising, short": {**DENOISE, **SHORT, **SAME, "model": {**PLAIN, "depth": 4}},
    "bag, panels and clusters, short": {**CONTRAST, **SHORT, **BOTH},
    "2 blocks, panels and clusters, short": {**CONTRAST, **SHORT, **BOTH, **BLOCKS, "model": {"depth": 2}},
    "2 blocks, panels and clusters, after the bag": {
        **CONTRAST,
        **SHORT,
        **BOTH,
        **BLOCKS,
        "model": {"depth": 2},
        "after": "bag, panels and clusters",
    },
    "2 blocks, clusters, after the bag": {
        **CONTRAST,
        **SHORT,
        **CLUSTERS,
        **BLOCKS,
        "model": {"depth": 2},
        "after": "bag, clusters",
    },
}
"""Changes to the options of pretraining and to the model; "after": the variant that the model starts from."""


def main() -> None:
    """Train and judge one variant after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of h5ad files")
    parser.add_argument("work", type=Path, help="folder for all output")
    parser.add_argument("--docs", type=Path, help="run nothing; write all rows so far to this Markdown file")
    parser.add_argument("names", nargs="*", help="variants; by default all")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    args.work.mkdir(parents=True, exist_ok=True)
    if args.docs:
        rows = pd.read_csv(args.work / "signals.csv").set_index("variant")
        rows = rows.loc[[v for v in (*SIMPLE, *VARIANTS) if v in rows.index]].reset_index()
        kept = [c for c in rows if c == "variant" or c.startswith(("four", "brain unseen", "seen", "minutes", "nats"))]
        args.docs.write_text(markdown(rows[kept].astype(object).where(rows[kept].notna(), "")))
        return
    corpus, sets = split(args.source, args.work)
    for name in args.names or [*SIMPLE, *VARIANTS]:
        begin = time.perf_counter()
        if name in SIMPLE:
            row = scores(sets, SIMPLE[name])
        else:
            model = trained(name, corpus, args.work)
            minutes = (time.perf_counter() - begin) / 60
            for adata in sets.values():
                scellm.tl.embed(adata, model)
            row = scores(sets, lambda: EmbeddingLogisticRegression("X_celllm")) | {"minutes": minutes}
            if "denoise" in VARIANTS[name].get("objectives", ()):
                row |= {f"nats {s}": nats(sets[s], model) for s in sets}
        add(args.work / "signals.csv", {"variant": name, **row})


def add(file: Path, row: dict) -> None:
    """Add a row to the file, in place of one of the same variant."""
    new = pd.DataFrame([row])
    known = pd.read_csv(file).query("variant != @row['variant']") if file.exists() else new[:0]
    pd.concat([known, new] if len(known) else [new]).to_csv(file, index=False, float_format="%.4f")
    print(new.round(3).to_string(index=False), flush=True)


def split(source: Path, work: Path) -> tuple[Corpus, dict[str, ad.AnnData]]:
    """The corpus to learn from, and the labelled cells to judge on."""
    (work / "rest").mkdir(parents=True, exist_ok=True)
    files, sets = [], {}
    for path in sorted(source.glob("*.h5ad")):
        if path.stem not in UNSEEN + SEEN:
            files.append(path)
            continue
        adata = ad.read_h5ad(path)
        held_out = some_labelled(adata, LABELS, SEEN_CELLS if path.stem in SEEN else CELLS)
        sets[path.stem] = adata[held_out].copy()
        scellm.pp.prepare(sets[path.stem])
        if path.stem in SEEN:
            files.append(work / "rest" / path.name)
            if not files[-1].exists():
                adata[np.setdiff1d(np.arange(adata.n_obs), held_out)].copy().write_h5ad(files[-1])
    return corpus_of(files, work / "signals_corpus"), sets


def trained(name: str, corpus: Corpus, work: Path) -> scellm.CellLM:
    """A variant; every one has the same seed. Read from its folder if it was trained before."""
    folder = work / "models" / name.replace(" ", "_").replace(",", "")
    if folder.exists():
        return scellm.CellLM.from_pretrained(folder)
    options = dict(VARIANTS[name])
    changes, before = options.pop("model", {}), options.pop("after", None)
    scellm.settings.seed = CONFIG["seed"]
    model = scellm.CellLM.without_data(**{**CONFIG["model"], "depth": 0, **changes})
    if before is not None:
        initialize_from_shallower(model.module, trained(before, corpus, work).module)
        model.is_trained_ = True
    if options["max_steps"]:
        model.pretrain(corpus=corpus, memory=3_000_000_000, **options)
    else:
        if before is None:
            initialize(model, corpus)
        if options.get("whiten"):
            whiten(model, corpus)
    model.save_pretrained(folder)
    return model


def initialize(model: scellm.CellLM, corpus: Corpus) -> None:
    """Initialise the pooling as pretraining does, without training."""
    rows = corpus.sample(CELLS_TO_INITIALIZE, seed=CONFIG["seed"])
    model.module.cell_encoder.pooling.initialize(corpus.tokens(rows, model.binning), CONFIG["seed"])
    model.is_trained_ = True


@torch.no_grad()
def whiten(model: scellm.CellLM, corpus: Corpus) -> None:
    """Whiten by clusters as pretraining does."""
    rows = corpus.sample(CELLS_TO_WHITEN, seed=CONFIG["seed"])
    z = model.module.eval().embed(corpus.tokens(rows, model.binning))[:, : model.module.config.dim]
    groups = corpus.arrays["source"][rows].astype(int) * 1000 + corpus.arrays["cluster"][rows]
    model.module.cell_encoder.pooling.transform(within_group_whitening(z.double(), groups))


def scores(sets: dict[str, ad.AnnData], make) -> dict[str, float]:
    """Macro-F1 with 2 and 5 labelled cells per type: the mean over kinds of tissue, and each set."""
    found: dict[str, float] = {}
    for k in (2, 5):
        tasks = [bm.Task(name, adata, LABELS, bm.FewLabels(k)) for name, adata in sets.items()]
        table = bm.run(tasks, {"one": make}, seeds=SEEDS, metrics=["macro_f1"]).table
        each = table.groupby("task", sort=False)["value"].mean().to_dict()
        brain = "brain_nuclei_habib2017"
        found[f"four unseen k={k}"] = float(np.mean([each[s] for s in UNSEEN if s != brain]))
        found[f"brain unseen k={k}"] = each[brain]
        found[f"seen k={k}"] = float(np.mean([each[s] for s in SEEN]))
        found |= {f"{s} k={k}": v for s, v in each.items()}
    return found


@torch.no_grad()
def nats(adata: ad.AnnData, model: scellm.CellLM) -> float:
    """Nats a molecule of one half given the other, minus those of the mean profile of the first halves."""
    counts = PreparedCounts.of(adata).rows(np.arange(adata.n_obs))
    batch = draw_views(counts, (SplitCounts(), SplitCounts()), model.binning, CONFIG["seed"], 0)
    first, second = Tokens.of(batch), Tokens.of(batch, "_b")
    target = replace(second, target=torch.as_tensor(batch["count_b"]))
    module = model.module.eval()
    own, vectors = cast("ProfileHead", module.heads["denoise"]), module.cell_encoder.pooling.gene_vectors
    counted = replace(first, target=torch.as_tensor(batch["count"]))
    mean = source_profiles(counted, torch.zeros(adata.n_obs, dtype=torch.long), own.background)  # (1, genes)
    differences = []
    for rows in torch.arange(adata.n_obs).split(100):
        b = target.select(rows)
        logits = mean + own(module.project(module.embed(first.select(rows))), vectors)
        differences.append(profile_loss(logits, b) - profile_loss(mean.expand(len(rows), -1), b))
    return float(torch.cat(differences).mean())


if __name__ == "__main__":
    main()

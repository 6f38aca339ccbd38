"""The paper's ablations in a small size: what each objective and each kind of view is worth under one budget.

    python benchmarks/ablations.py WORK [names ...]     # trains and judges what is not in WORK yet
    python benchmarks/ablations.py WORK --docs          # and writes docs/user_guide/_ablations.md

Every variant starts from the same random weights (one Performer block of width 128, gene vectors of STRING, the
pooling of the paper) and sees the same number of cells of the corpus. The last rows are what is shipped: it starts from
principal components, without attention. All are judged on cells of the evaluation sets that none of them has seen, by
logistic regression on frozen embeddings with five labelled cells per type. These are tables 1 and B.1 of the paper in a
small size; the paper saw 170 times as many cells with 50 million parameters, so only differences can be compared, and
only loosely.
"""

from __future__ import annotations

import argparse
import logging
import time
import tomllib
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from _data import DATA, SETS, corpus_of, markdown, read, some_labelled

import scellm
from scellm import bm
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.data import Corpus, Thin

LABELS, CELLS, SEEDS, BUDGET = "cell_type", 600, 5, 10_240
PAGE = Path(__file__).parents[1] / "docs/user_guide/_ablations.md"
BAG = tomllib.loads((Path(__file__).parents[1] / "scripts/pretrain_bag.toml").read_text())

BASE, FLOOR = "three objectives, thinned views", "random weights"
COMMON = {"masked_inputs": "shared", "view": Thin(0.05, 0.4), "lr": 2e-3, "source_block": 32, "precision": "bf16-mixed"}
VARIANTS: dict[str, dict] = {
    FLOOR: {"cells": 0},
    BASE: {},
    "without contrast": {"objectives": ("masked", "malignancy"), "contrast": None},
    "without malignancy": {"objectives": ("contrastive", "masked")},
    "contrast alone": {"objectives": ("contrastive",)},
    "end-to-end, 32 cells": {"contrast": "end-to-end", "batch_size": 32},
    "MoCo, 32 cells": {"contrast": "moco", "batch_size": 32, "queue": 1024},
    "disjoint panels": {"view": "panels"},
    "dropout views, a quarter of the cells": {"view": "identity", "cells": BUDGET // 4},  # whole cells are longer
}
"""Changes to the options of pretraining; `cells`: another budget."""
SHIPPED = {"recipe of celllm-bag, start": 0, "recipe of celllm-bag, the same budget": BUDGET}
PAPER = {
    BASE: "81.0 / 71.8 (dropout views)",
    "without contrast": "76.6 / 66.4",
    "MoCo, 32 cells": "75.6 / 67.0",
}
"""Accuracy and macro-F1 on Zheng68k in tables 1 and 2 of the paper, where it has such a row."""


def main() -> None:
    """Train and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for all output")
    parser.add_argument("--docs", action="store_true", help="write the page of the docs")
    parser.add_argument("names", nargs="*", help="variants; by default all")
    args = parser.parse_args()
    if args.docs and args.names:
        parser.error("--docs needs all variants: the page would be incomplete.")
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    (args.work / "models").mkdir(parents=True, exist_ok=True)
    sets = {name: some(name) for name in SETS}
    corpus = corpus_of(sorted((DATA / "corpus").glob("*.h5ad")), args.work / "corpus")
    names = args.names or [*VARIANTS, *SHIPPED]
    for name in names:
        embed(name, sets, corpus, args.work)
    text = page(sets, names, args.work)
    print(text)
    if args.docs:
        PAGE.write_text(text, encoding="utf-8")


def some(name: str) -> ad.AnnData:
    """A fixed sample of the labelled cells of a set."""
    adata = read(f"eval/{name}.h5ad")
    adata = adata[some_labelled(adata, LABELS, CELLS)].copy()
    scellm.pp.prepare(adata)
    return adata


def folder(work: Path, name: str) -> Path:
    """Where a variant is kept."""
    return work / "models" / name.replace(" ", "_").replace(",", "")


def embed(name: str, sets: dict[str, ad.AnnData], corpus: Corpus, work: Path) -> None:
    """Embeddings of all sets by a variant, in obsm; trained and written once."""
    file = folder(work, name) / "embeddings.npz"
    if not file.exists():
        begin = time.perf_counter()
        model = shipped(SHIPPED[name], corpus) if name in SHIPPED else trained(VARIANTS[name], corpus)
        minutes = (time.perf_counter() - begin) / 60
        model.save_pretrained(file.parent)
        found = {s: model.get_latent_representation(adata) for s, adata in sets.items()}
        np.savez(file, minutes=minutes, **found)
        print(f"{name}: {minutes:.1f} min", flush=True)
    with np.load(file) as kept:
        for s, adata in sets.items():
            adata.obsm[name] = kept[s]


def trained(changes: dict, corpus: Corpus) -> scellm.CellLM:
    """One variant, from the same random weights."""
    scellm.settings.seed = 0
    model = scellm.CellLM.without_data(size="mini", depth=1, pooling="sparse", gene_embeddings="string")
    options = {**COMMON, "batch_size": 256, "cells": BUDGET, **changes}
    if cells := options.pop("cells"):
        model.pretrain(
            corpus=corpus,
            max_steps=cells // options["batch_size"],
            memory=3_000_000_000,
            enable_progress_bar=False,
            **options,
        )
    model.is_trained_ = True  # random weights are judged too, on purpose
    return model


def shipped(cells: int, corpus: Corpus) -> scellm.CellLM:
    """The recipe of the shipped weights, with this budget."""
    scellm.settings.seed = 0
    stage = BAG["stage"]["bag_of_genes"]
    model = scellm.CellLM.without_data(**{**BAG["model"], **stage.get("model", {})})
    options = {**stage["pretrain"]}
    options["view"] = Thin(*options["view"]) if isinstance(options.get("view"), list) else options.get("view")
    options["max_steps"] = max(cells // options["batch_size"], 1)
    if not cells:
        options["lr"] = 1e-12  # pretraining initialises the pooling; the one step that it needs changes nothing
    model.pretrain(corpus=corpus, enable_progress_bar=False, **options)
    return model


def page(sets: dict[str, ad.AnnData], names: list[str], work: Path) -> str:
    """Scores, and differences to the base variant with intervals from a bootstrap over sets."""
    methods = {
        "log expression": LogisticRegression,
        "PCA-50 of the evaluated cells": PCALogisticRegression,
        **{name: lambda name=name: EmbeddingLogisticRegression(name) for name in names},
    }
    tasks = [bm.Task(s, adata, LABELS, bm.FewLabels(5)) for s, adata in sets.items()]
    results = bm.run(tasks, methods, seeds=SEEDS, metrics=["macro_f1"])
    wide = results.table.pivot_table(index="method", columns="task", values="value", sort=False)  # (methods, tasks)
    base = BASE if BASE in names else names[0]
    rows = []
    for method in wide.index:
        difference = (wide.loc[method] - wide.loc[base]).to_numpy()
        low, high = over_tasks(difference)
        with_minutes = folder(work, method) / "embeddings.npz"
        rows.append(
            {
                "variant": method,
                "macro-F1": float(wide.loc[method].mean()),
                f"minus {base}": "" if method == base else f"{difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]",
                "better on": "" if method == base else f"{int((difference > 0).sum())} of {len(difference)}",
                "minutes": f"{float(np.load(with_minutes)['minutes']):.0f}" if with_minutes.exists() else "",
                "paper, Zheng68k": PAPER.get(method, ""),
            }
        )
    return markdown(pd.DataFrame(rows)) + "\n" + markdown(wide.reset_index().rename(columns={"method": "variant"}))


def over_tasks(difference: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean difference, by drawing sets."""
    draws = np.random.default_rng(0).integers(0, len(difference), (10_000, len(difference)))
    low, high = np.quantile(difference[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main()

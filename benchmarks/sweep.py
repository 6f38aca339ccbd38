"""Variants that were compared before `celllm-mini` was made, on cells of the corpus that no variant was trained on.

    python benchmarks/sweep.py DATA/corpus WORK [names ...]

Four labelled sources (heart nuclei, two tumours, cancer cell lines) are held out as unseen tissue, and 400 cells of
each of two others (immune cells, brain nuclei) as unseen cells of seen tissue. Every variant is trained on the rest and
evaluated on predicting the types of the held-out cells: macro-F1 of logistic regression with 5 labelled cells per type,
three seeds. The evaluation sets are not used. Bag-of-genes models (`depth=0`) are trained on 30,720 cells in two
minutes. Transformers are initialised from a bag-of-genes model and trained on 4,096 cells in three minutes or more.
Rows are added to `WORK/sweep.csv`.
"""

from __future__ import annotations

import argparse
import logging
import tomllib
import warnings
from copy import deepcopy
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from _data import corpus_of, few_labels, markdown, some_labelled

import scellm
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.data import Corpus, Thin
from scellm.module import initialize_from_shallower

LABELS, CELLS = "cell_type", 400
UNSEEN = ("heart_san_nuclei", "ovarian_tumor_qian2020", "mbc_liver_htan", "lung_cancer_lines_mixology")
SEEN = ("immune_pyomic", "brain_nuclei_habib2017")
CONFIG = tomllib.loads((Path(__file__).parents[1] / "scripts" / "pretrain_mini.toml").read_text())
BUDGET = {"bag_of_genes": 30_720, "transformer": 4_096}
"""Number of cells that a stage of a variant is trained on."""
BATCH = {"bag_of_genes": 512, "transformer": 128}

SIMPLE = {"log expression": LogisticRegression, "PCA-50 of the evaluated cells": PCALogisticRegression}
BAG = "bag-of-genes model"
BAGS: dict[str, dict] = {
    "PCA initialisation": {"max_steps": 0},
    BAG: {},
    f"{BAG}, blocks of 64 cells of one source (as shipped)": {"source_block": 64},
    f"{BAG}, blocks of 64, thinned to 5 to 40 %": {"source_block": 64, "view": [0.05, 0.4]},
    f"{BAG}, blocks of 512": {"source_block": 512},
    f"{BAG}, temperature 0.05": {"temperature": 0.05},
    f"{BAG}, temperature 0.2": {"temperature": 0.2},
    f"{BAG}, temperature 0.5": {"temperature": 0.5},
    f"{BAG}, batch size 64": {"batch_size": 64},
    f"{BAG}, batch size 256": {"batch_size": 256},
    f"{BAG}, batch size 1,024": {"batch_size": 1024},
    f"{BAG}, views by random gene dropout": {"view": "subsample"},
    f"{BAG}, the paper's views (dropout)": {"view": "identity"},
    f"{BAG}, no projection head": {"model": {"projector": 0}},
    f"{BAG}, no hashed gene features": {"model": {"hashed_dim": 0}},
    f"{BAG}, lr 1e-3": {"lr": 1e-3},
    f"{BAG}, all sources equally often": {"source_power": 0.0},
    f"{BAG}, sources by size": {"source_power": 1.0},
}
"""Changes to the first stage, with all sources mixed in a batch."""
SEPARATE = {"masked_inputs": "separate", "symmetric": True}
RANDOM = {"gene_embeddings": "random"}
NO_BAG = "transformer, no bag-of-genes stage"
PAPER = {
    "model": {"pooling": "sparse", "projector": 0, "depth": 4},
    "view": "identity",
    "temperature": 0.05,
    "lr": 1e-4,
    "source_block": 1,
    "masked_inputs": "separate",
    "symmetric": False,
}
TRANSFORMERS: dict[str, dict] = {
    "transformer (as shipped)": {},
    "transformer, mask rate 0.4": {"mask_rate": 0.4},
    "transformer, unmasked contrastive inputs": SEPARATE,
    "transformer, softmax attention": {"model": {"attention": "softmax"}},
    "transformer, random gene embeddings": {"bag_of_genes": RANDOM, "model": RANDOM},
    "transformer, no malignancy objective": {"objectives": ("contrastive", "masked")},
    "transformer, contrastive objective only": {"objectives": ("contrastive",)},
    "transformer, thinned to 20 to 70 %": {"view": [0.2, 0.7]},
    "transformer, sources mixed": {"source_block": 1},
    "transformer, batch size 64": {"batch_size": 64},
    "transformer, batch size 512": {"batch_size": 512},
    "transformer, temperature 0.05": {"temperature": 0.05},
    "transformer, temperature 0.5": {"temperature": 0.5},
    "transformer, depth 4": {"model": {"depth": 4}},
    NO_BAG: {"bag_of_genes": None},
    f"{NO_BAG}, sparse pooling": {"bag_of_genes": None, "model": {"pooling": "sparse"}, "lr": 1e-3},
    f"{NO_BAG}, mean pooling": {"bag_of_genes": None, "model": {"pooling": "mean"}, "lr": 1e-3},
    f"{NO_BAG}, [CLS]": {"bag_of_genes": None, "model": {"pooling": "cls"}, "lr": 1e-3},
    "transformer, all as in the paper": {"bag_of_genes": None, **PAPER},
}
"""Changes to the second stage, and to the bag-of-genes model that initialises it; `None` for none."""


def main() -> None:
    """Train and evaluate one variant after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of h5ad files")
    parser.add_argument("work", type=Path, help="folder for all output")
    parser.add_argument("--docs", type=Path, help="run nothing; write all rows so far to this Markdown file")
    parser.add_argument("names", nargs="*", help="variants; by default all")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    variants = [*SIMPLE, *BAGS, *TRANSFORMERS]
    if args.docs:
        rows = pd.read_csv(args.work / "sweep.csv").set_index("variant")
        rows = rows.loc[[v for v in variants if v in rows.index]].reset_index()
        args.docs.write_text(markdown(rows[["variant", "unseen tissue", "seen tissue", *UNSEEN, *SEEN]]))
        return
    corpus, sets = split(args.source, args.work)
    for name in args.names or variants:
        if name in SIMPLE:
            scores = few_labels(sets, LABELS, SIMPLE[name])
        else:
            model = bag_of_genes(corpus, **BAGS[name]) if name in BAGS else transformer(corpus, **TRANSFORMERS[name])
            for adata in sets.values():
                scellm.tl.embed(adata, model)
            scores = few_labels(sets, LABELS, lambda: EmbeddingLogisticRegression("X_celllm"))
        means = {
            "unseen tissue": np.mean([scores[s] for s in UNSEEN]),
            "seen tissue": np.mean([scores[s] for s in SEEN]),
        }
        row = pd.DataFrame([{"variant": name, **scores, **means}])
        file = args.work / "sweep.csv"
        known = pd.read_csv(file).query("variant != @name") if file.exists() else row[:0]
        pd.concat([known, row] if len(known) else [row]).to_csv(file, index=False, float_format="%.3f")
        print(row.round(3).to_string(index=False), flush=True)


def split(source: Path, work: Path) -> tuple[Corpus, dict[str, ad.AnnData]]:
    """The corpus to learn from, and the labelled cells to evaluate on."""
    (work / "rest").mkdir(parents=True, exist_ok=True)
    files, sets = [], {}
    for path in sorted(source.glob("*.h5ad")):
        if path.stem not in UNSEEN + SEEN:
            files.append(path)
            continue
        adata = ad.read_h5ad(path)
        held_out = some_labelled(adata, LABELS, CELLS)
        sets[path.stem] = adata[held_out].copy()
        scellm.pp.prepare(sets[path.stem])
        if path.stem in SEEN:
            files.append(work / "rest" / path.name)
            adata[np.setdiff1d(np.arange(adata.n_obs), held_out)].copy().write_h5ad(files[-1])
    return corpus_of(files, work / "sweep_corpus"), sets


def bag_of_genes(corpus: Corpus, **options) -> scellm.CellLM:
    """A short first stage, with changes."""
    return stage("bag_of_genes", corpus, None, **{"source_block": 1, **options})


@cache
def first_stage(corpus: Corpus, model: tuple) -> scellm.CellLM:
    """The bag-of-genes model that transformers are initialised from."""
    return stage("bag_of_genes", corpus, None, model=dict(model))


def transformer(corpus: Corpus, **options) -> scellm.CellLM:
    """A short second stage, with changes."""
    options = deepcopy(options)
    own = options.pop("bag_of_genes", {})
    return stage("transformer", corpus, None if own is None else first_stage(corpus, tuple(own.items())), **options)


def stage(
    name: str, corpus: Corpus, shallow: scellm.CellLM | None, model: dict | None = None, **options
) -> scellm.CellLM:
    """Train one stage; every variant has the same number of cells and the same seed."""
    scellm.settings.seed = CONFIG["seed"]
    settings = CONFIG["stage"][name]
    options = {**settings["pretrain"], "batch_size": BATCH[name], **options}
    if isinstance(options["view"], list):
        options["view"] = Thin(*options["view"])
    made = scellm.CellLM.without_data(**{**CONFIG["model"], **settings["model"], **(model or {})})
    if shallow is not None:
        initialize_from_shallower(made.module, shallow.module)
    steps = 0 if options["max_steps"] == 0 else BUDGET[name] // options["batch_size"]
    if steps:
        made.pretrain(corpus=corpus, **{**options, "max_steps": steps})
    else:
        initialize(made, corpus)
    return made


def initialize(model: scellm.CellLM, corpus: Corpus, cells: int = 20_000) -> None:
    """Initialise the pooling as pretraining does, without training."""
    rows = corpus.sample(cells, seed=CONFIG["seed"])
    model.module.cell_encoder.pooling.initialize(corpus.tokens(rows, model.binning), CONFIG["seed"])
    model.is_trained_ = True


if __name__ == "__main__":
    main()

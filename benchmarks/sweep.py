"""What was tried before `celllm-mini` was made: choices compared on cells of the corpus that the compared models never saw.

    python benchmarks/sweep.py DATA/corpus WORK [names ...]

Four labelled sources (heart nuclei, two tumours, cancer cell lines) are held out as unseen tissue, and 400 cells of each of two
others (immune cells, brain nuclei) as unseen cells of seen tissue. Every variant learns from the rest and is then asked for the types
of those: macro-F1 of logistic regression with 5 labelled cells a type, three seeds. Nothing of the evaluation sets is looked at. Bags
(`depth=0`) see 30,720 cells in two minutes, transformers 4,096 cells on top of the bag in three or more; rows are added to
`WORK/sweep.csv`.
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
from scellm.data import Corpus, Thin, Tokens
from scellm.data._corpus_batches import draw_rows
from scellm.data._dataset import tokens_of
from scellm.pp._tokenize import Binning
from scellm.train import deepen, start_linear

LABELS, CELLS = "cell_type", 400
UNSEEN = ("heart_san_nuclei", "ovarian_tumor_qian2020", "mbc_liver_htan", "lung_cancer_lines_mixology")
SEEN = ("immune_pyomic", "brain_nuclei_habib2017")
RECIPE = tomllib.loads((Path(__file__).parents[1] / "scripts" / "pretrain_mini.toml").read_text())
BUDGET = {"bag": 30_720, "transformer": 4_096}
"""Cells that a stage of a variant learns from."""
BATCH = {"bag": 512, "transformer": 128}

SIMPLE = {"log expression": LogisticRegression, "PCA-50 of the cells told": PCALogisticRegression}
BAGS: dict[str, dict] = {
    "linear start": {"max_steps": 0},
    "bag": {},
    "bag, blocks of 64 of a source (as shipped)": {"source_block": 64},
    "bag, blocks of 64, thinned to 5 to 40 %": {"source_block": 64, "view": [0.05, 0.4]},
    "bag, blocks of 512": {"source_block": 512},
    "bag, temperature 0.05": {"temperature": 0.05},
    "bag, temperature 0.2": {"temperature": 0.2},
    "bag, temperature 0.5": {"temperature": 0.5},
    "bag, batch 64": {"batch_size": 64},
    "bag, batch 256": {"batch_size": 256},
    "bag, batch 1,024": {"batch_size": 1024},
    "bag, genes left out for views": {"view": "subsample"},
    "bag, the paper's views": {"view": "identity"},
    "bag, no projector": {"model": {"projector": 0}},
    "bag, no sketch": {"model": {"sketch": 0}},
    "bag, lr 1e-3": {"lr": 1e-3},
    "bag, sources alike": {"source_power": 0.0},
    "bag, sources by size": {"source_power": 1.0},
}
"""Changes to the first stage, with all sources mixed in a batch."""
TRANSFORMERS: dict[str, dict] = {
    "transformer (as shipped)": {},
    "mask rate 0.4": {"mask_rate": 0.4},
    "clean contrastive inputs": {"plan_kwargs": {"masked_inputs": "separate", "symmetric": True}},
    "softmax attention": {"model": {"attention": "softmax"}},
    "random gene vectors": {"bag": {"gene_embeddings": "random"}, "model": {"gene_embeddings": "random"}},
    "no origin": {"objectives": ("contrastive", "masked")},
    "contrast alone": {"objectives": ("contrastive",)},
    "thinned to 20 to 70 %": {"view": [0.2, 0.7]},
    "sources mixed": {"source_block": 1},
    "batch 64": {"batch_size": 64},
    "batch 512": {"batch_size": 512},
    "temperature 0.05": {"temperature": 0.05},
    "temperature 0.5": {"temperature": 0.5},
    "depth 4": {"model": {"depth": 4}},
    "no bag before": {"bag": None},
    "no bag, sparse pooling": {"bag": None, "model": {"pooling": "sparse"}, "lr": 1e-3},
    "no bag, mean pooling": {"bag": None, "model": {"pooling": "mean"}, "lr": 1e-3},
    "no bag, [CLS]": {"bag": None, "model": {"pooling": "cls"}, "lr": 1e-3},
    "all as in the paper": {
        "bag": None, "model": {"pooling": "sparse", "projector": 0, "depth": 4}, "view": "identity", "temperature": 0.05, "lr": 1e-4, "source_block": 1,
        "plan_kwargs": {},
    },
}  # fmt: skip
"""Changes to the second stage, and to the bag that it starts from; `None` for no bag."""


def main() -> None:
    """Variant by variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of h5ad files")
    parser.add_argument("work", type=Path, help="folder for all that is made")
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
            model = bag(corpus, **BAGS[name]) if name in BAGS else transformer(corpus, **TRANSFORMERS[name])
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
    """The corpus to learn from, and the labelled cells to be asked for."""
    (work / "rest").mkdir(parents=True, exist_ok=True)
    files, sets = [], {}
    for path in sorted(source.glob("*.h5ad")):
        if path.stem not in UNSEEN + SEEN:
            files.append(path)
            continue
        adata = ad.read_h5ad(path)
        aside = some_labelled(adata, LABELS, CELLS)
        sets[path.stem] = adata[aside].copy()
        scellm.pp.prepare(sets[path.stem])
        if path.stem in SEEN:
            files.append(work / "rest" / path.name)
            adata[np.setdiff1d(np.arange(adata.n_obs), aside)].copy().write_h5ad(files[-1])
    return corpus_of(files, work / "sweep_corpus"), sets


def bag(corpus: Corpus, **options) -> scellm.CellLM:
    """The first stage in short, with changes."""
    return stage("bag", corpus, None, **{"source_block": 1, **options})


@cache
def bag_on(corpus: Corpus, model: tuple) -> scellm.CellLM:
    """The bag that transformers start from."""
    return stage("bag", corpus, None, model=dict(model))


def transformer(corpus: Corpus, **options) -> scellm.CellLM:
    """The second stage in short, with changes."""
    options = deepcopy(options)
    own = options.pop("bag", {})
    return stage("transformer", corpus, None if own is None else bag_on(corpus, tuple(own.items())), **options)


def stage(
    name: str, corpus: Corpus, shallow: scellm.CellLM | None, model: dict | None = None, **options
) -> scellm.CellLM:
    """One stage of the recipe; every variant sees the same number of cells, and starts from the same seed."""
    scellm.settings.seed = RECIPE["seed"]
    recipe = RECIPE["stage"][name]
    options = {**recipe["pretrain"], "batch_size": BATCH[name], **options}
    if isinstance(options["view"], list):
        options["view"] = Thin(*options["view"])
    made = scellm.CellLM.without_data(**{**RECIPE["model"], **recipe["model"], **(model or {})})
    if shallow is not None:
        deepen(made.module, shallow.module)
    steps = 0 if options["max_steps"] == 0 else BUDGET[name] // options["batch_size"]
    if steps:
        made.pretrain(corpus=corpus, **{**options, "max_steps": steps})
    else:
        linear_start(made, corpus)
    return made


def linear_start(model: scellm.CellLM, corpus: Corpus, cells: int = 20_000) -> None:
    """Principal components of the corpus as pretraining would start from, and nothing learned."""
    tokens = Tokens.of(tokens_of(corpus.counts(draw_rows(corpus, cells, seed=RECIPE["seed"])), Binning()))
    start_linear(model.module.pooling, tokens, RECIPE["seed"])
    model.is_trained_ = True


if __name__ == "__main__":
    main()

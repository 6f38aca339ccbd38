"""Models that are too slow for the scoreboard, beside the methods there, on 300 cells of three of its tasks.

    python benchmarks/slow_models.py [--docs]

- "scBERT-like, zeros kept": the shape of scBERT on the 1,000 genes that vary most, ten epochs, without pretraining
  (:class:`scellm.model.ScBERTLike`).
- The sizes of CellLM with random weights, frozen, and logistic regression: what an architecture gives before it learned
  anything. The largest size that was pretrained is `celllm-mini`.

One split, four fifths of the cells labelled; the interval of a difference is over the test cells. Seconds of the rows
with random weights leave out the encoding.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from _data import DATA, markdown
from peers import AGAINST, compared
from scoreboard import OURS, smaller

import scellm
from scellm import bm, datasets
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.model import CellLMClassifier, ScBERTLike

TASKS = ("PBMC3k", "sorted Zheng, 10 types", "Baron, donor 1")
SIZES = ("mini", "8m", "25m", "50m")
DOCS = Path(__file__).parents[1] / "docs/user_guide/_slow_models.md"


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--tasks", nargs="*", choices=TASKS, default=TASKS)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=SIZES)
    parser.add_argument("--work", type=Path, help="keep predictions here, to go on after an interruption")
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    found = []
    for whole in datasets.tasks(["PBMC3k", "sorted Zheng", "Baron, donor 1"], folder=DATA):
        if whole.name in args.tasks:
            found.append(table_of(smaller(whole, args.cells), args.sizes, args.work))
            print(markdown(found[-1]), flush=True)
    text = markdown(pd.concat(found))
    if args.docs:
        DOCS.write_text(text, encoding="utf-8")


def table_of(task: bm.Task, sizes: Sequence[str], work: Path | None) -> pd.DataFrame:
    """Macro-F1 of every method on one task, beside logistic regression on principal components."""
    for size in sizes:
        embed(task, size)
    methods: dict[str, Callable] = {
        OURS: CellLMClassifier,
        AGAINST: PCALogisticRegression,
        "logistic regression, L2": LogisticRegression,
        "scBERT-like, zeros kept": lambda: ScBERTLike(1000, max_epochs=10),
    }
    for size in sizes:
        methods[f"CellLM {size}, random weights, logistic regression"] = lambda s=size: EmbeddingLogisticRegression(s)
    return compared(bm.run([task], methods, seeds=1, metrics=["macro_f1", "accuracy"], cache=work))


def embed(task: bm.Task, size: str) -> None:
    """Embeddings by random weights, in obsm."""
    scellm.settings.seed = 0
    scellm.CellLM.setup_anndata(task.adata)
    model = scellm.CellLM(task.adata, size=size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the weights are random
        task.adata.obsm[size] = model.get_latent_representation()


if __name__ == "__main__":
    main()

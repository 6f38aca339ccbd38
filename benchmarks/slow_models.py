"""Models that are too slow for the scoreboard, beside the methods there, on 300 cells of three of its tasks.

    python benchmarks/slow_models.py [--docs]

- "scBERT-like, zeros kept": the shape of scBERT on the 1,000 genes that vary most, ten epochs, without pretraining
  (:class:`scellm.model.ScBERTLike`).
- The sizes of CellLM with random weights, frozen, and logistic regression: what an architecture gives before it learned
  anything. The largest size that was pretrained is `celllm-mini`.

One split, four fifths of the cells labelled; the interval of a difference is over the test cells.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from _data import DATA, markdown
from scoreboard import OURS, smaller

import scellm
from scellm import bm, datasets
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.model import CellLMClassifier, ScBERTLike

TASKS = ("PBMC3k", "sorted Zheng, 10 types", "Baron, donor 1")
SIZES = ("mini", "8m", "25m", "50m")
DOCS = Path(__file__).parents[1] / "docs/user_guide/_slow_models.md"
AGAINST = "logistic regression on PCA-50"


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--work", type=Path, help="keep predictions here, to go on after an interruption")
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    found = []
    for whole in datasets.tasks(["PBMC3k", "sorted Zheng", "Baron, donor 1"], folder=DATA):
        if whole.name in TASKS:
            found.append(table_of(smaller(whole, args.cells), args.work))
            print(markdown(found[-1]), flush=True)
    text = markdown(pd.concat(found))
    if args.docs:
        DOCS.write_text(text, encoding="utf-8")


def table_of(task: bm.Task, work: Path | None) -> pd.DataFrame:
    """Macro-F1 of every method on one task, beside logistic regression on principal components."""
    for size in SIZES:
        embed(task, size)
    methods: dict[str, Callable] = {
        OURS: CellLMClassifier,
        AGAINST: PCALogisticRegression,
        "logistic regression, L2": LogisticRegression,
        "scBERT-like, zeros kept": lambda: ScBERTLike(1000, max_epochs=10),
    }
    for size in SIZES:
        methods[f"CellLM {size}, random weights, logistic regression"] = lambda s=size: EmbeddingLogisticRegression(s)
    results = bm.run([task], methods, seeds=1, metrics=["macro_f1", "accuracy"], cache=work)
    wide = results.table.pivot_table(index="method", columns="metric", values="value", sort=False)
    seconds = results.table.groupby("method", sort=False)["seconds"].first()
    beside = bm.summary(results, against=AGAINST, metric="macro_f1", n_boot=1000).set_index("method")
    rows = [
        {
            "task": task.name,
            "method": name,
            "macro-F1": wide.loc[name, "macro_f1"],
            "accuracy": wide.loc[name, "accuracy"],
            f"difference to {AGAINST}": difference(beside, name),
            "seconds": f"{seconds[name]:.0f}",
        }
        for name in methods
    ]
    return pd.DataFrame(rows)


def difference(beside: pd.DataFrame, name: str) -> str:
    """Difference with its interval."""
    if name == AGAINST or name not in beside.index:
        return ""
    row = beside.loc[name]
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


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

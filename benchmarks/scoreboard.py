"""Every method on every ready task: the tables of the page "How good is it?".

    python benchmarks/scoreboard.py                     # quick: a few small tasks, printed
    python benchmarks/scoreboard.py --whole WORK        # all, kept in WORK as it goes on
    python benchmarks/scoreboard.py --whole WORK --docs # and written into the docs

At most `--cells` cells of a task are used, a fixed random sample, so that the slowest method ends. Two seeds; the
interval of a difference is that of a paired bootstrap over cells and seeds (`scellm.bm.summary`). The first method is
what the README does; it was not chosen on these tasks.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from _data import DATA, markdown

import scellm
from scellm import bm, datasets
from scellm._labels import Labels
from scellm.baselines import (
    EmbeddingLogisticRegression,
    L1LogisticRegression,
    LinearSVM,
    LogisticRegression,
    MajorityType,
    PCALogisticRegression,
    PCANeighbors,
    RankLogisticRegression,
    ScANVI,
)
from scellm.model import CellLMClassifier

OURS, METRICS = "CellLM (celllm-bag)", ["macro_f1", "accuracy", "weighted_f1", "balanced_accuracy"]
SIMPLE: dict[str, Callable] = {
    "majority": MajorityType,
    "kNN on PCA-50": PCANeighbors,
    "logistic regression on PCA-50": PCALogisticRegression,
    "logistic regression, L2": LogisticRegression,
    "logistic regression, L1": L1LogisticRegression,
    "linear SVM": LinearSVM,
    "ranks, ANOVA genes, PCA, linear": RankLogisticRegression,
}
MODELS: dict[str, Callable] = {
    OURS: CellLMClassifier,
    "celllm-bag, last layers trained": lambda: CellLMClassifier(tune="last", **QUIET),
    "celllm-bag, the paper's head": lambda: CellLMClassifier(head="mlp", **QUIET),
    "celllm-bag, logistic regression": lambda: EmbeddingLogisticRegression("celllm-bag"),
    "celllm-mini, logistic regression": lambda: EmbeddingLogisticRegression("celllm-mini"),
    "scANVI": lambda: ScANVI((50, 20)),
}
QUIET = {"enable_progress_bar": False, "accelerator": "cpu"}
EMBEDDED = ("celllm-bag", "celllm-mini")
QUICK_TASKS = ("PBMC3k", "sorted Zheng", "Baron, donor 1", "lung")
QUICK_METHODS = (
    OURS,
    "majority",
    "kNN on PCA-50",
    "logistic regression on PCA-50",
    "logistic regression, L2",
    "linear SVM",
)
DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", type=Path, metavar="WORK", help="all tasks and methods, kept in this folder")
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--only", nargs="*", help="tasks; by default all")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    if not (DATA / "eval").exists():
        print("The scoreboard needs the evaluation sets: set SCELLM_TEST_DATA to the folder that holds eval/.")
        return
    begin = time.perf_counter()
    quick = args.whole is None
    names = args.only or (list(QUICK_TASKS) if quick else list(datasets.TASKS))
    methods = {k: v for k, v in {**MODELS, **SIMPLE}.items() if not quick or k in QUICK_METHODS}
    results = run(names, methods, 400 if quick else args.cells, args.whole)
    text = report(results)
    print(text)
    print(f"{(time.perf_counter() - begin) / 60:.1f} minutes")
    if args.docs:
        (DOCS / "user_guide/_scoreboard.md").write_text(text, encoding="utf-8")
        ax = scellm.pl.scoreboard(results, metric="macro_f1", highlight=OURS, show=False)
        ax.figure.savefig(DOCS / "_static/scoreboard.png", dpi=120, bbox_inches="tight")
        plt.close(ax.figure)


def run(names: list[str], methods: dict[str, Callable], cells: int, work: Path | None) -> bm.Results:
    """All tasks; each is read, run and forgotten, as together they would fill the memory."""
    joined = bm.Results(pd.DataFrame(), {}, {}, {})
    tables = []
    for name in names:
        for whole in datasets.tasks(name, folder=DATA):
            task = smaller(whole, cells)
            if work is not None:
                for weights in EMBEDDED:
                    embed(task, weights, work)
            found = bm.run([task], methods, seeds=2, metrics=METRICS, cache=work and work / "kept")
            tables.append(found.table)
            joined.predictions.update(found.predictions)
            joined.test_indices.update(found.test_indices)
            joined.probabilities.update(found.probabilities)
            print(f"{task.name}: {task.adata.n_obs:,} cells", flush=True)
    return replace(joined, table=pd.concat(tables, ignore_index=True))


def smaller(task: bm.Task, cells: int) -> bm.Task:
    """The same task on a fixed random sample of its labelled cells."""
    known = np.flatnonzero(Labels.of(task.adata.obs, task.labels_key, quiet=True).names != "")
    rows = np.sort(np.random.default_rng(0).permutation(known)[:cells])
    adata = task.adata[rows].copy()
    scellm.pp.prepare(adata)
    return replace(task, adata=adata)


def embed(task: bm.Task, weights: str, work: Path) -> None:
    """Embeddings by frozen weights, in obsm; computed once."""
    work.mkdir(parents=True, exist_ok=True)
    file = (
        work
        / f"{weights} {task.adata.n_obs} {'tumour' if task.labels_key != 'cell_type' else ''}{task.name}.npy".replace(
            "/", "-"
        )
    )
    if not file.exists():
        scellm.tl.embed(task.adata, weights, key_added=weights)
        np.save(file, task.adata.obsm[weights])
    task.adata.obsm[weights] = np.load(file)


def report(results: bm.Results) -> str:
    """The tables: means and ranks of methods, every task, and what is established against the best simple one."""
    wide = results.table.pivot_table(index="method", columns=["metric", "task"], values="value", sort=False)
    f1 = wide["macro_f1"]  # (methods, tasks)
    ranks = f1.rank(ascending=False).mean(axis=1)
    seconds = results.table.groupby("method", sort=False)["seconds"].median()
    overview = pd.DataFrame({"macro-F1": f1.mean(axis=1), "mean rank": ranks})
    for metric, title in (
        ("accuracy", "accuracy"),
        ("weighted_f1", "weighted F1"),
        ("balanced_accuracy", "balanced accuracy"),
    ):
        overview[title] = wide[metric].mean(axis=1)
    overview["seconds"] = seconds.map(lambda s: f"{s:.1f}")
    overview = overview.sort_values("macro-F1", ascending=False).rename_axis("method").reset_index()
    simple = [m for m in SIMPLE if m in f1.index]
    verdicts = bm.summary(results, against=simple, metric="macro_f1", n_boot=500)
    ours = verdicts[verdicts["method"] == OURS]
    shown = pd.DataFrame(
        {
            "task": ours["task"],
            "CellLM": ours["mean"],
            "best simple method": ours["against"],
            "its score": ours["mean"] - ours["difference"],
            "difference": [
                f"{d:+.3f} [{a:+.3f}, {b:+.3f}]"
                for d, a, b in zip(ours["difference"], ours["low"], ours["high"], strict=True)
            ],
            "verdict": ours["verdict"],
        }
    )
    counts = ours["verdict"].value_counts()
    counted = ", ".join(f"{v} on {counts.get(v, 0)}" for v in ("better", "worse", "not established"))
    return "\n".join(
        [
            f"Means over {f1.shape[1]} tasks; seconds are the median for training and predicting once, on one core.\n",
            markdown(overview),
            f"CellLM beside the best simple method of each task, chosen by its score on that task: {counted}.\n",
            markdown(shown),
            "Macro-F1, all:\n",
            markdown(f1.loc[overview["method"]].T.reset_index().rename_axis(None, axis=1)),
        ]
    )


if __name__ == "__main__":
    main()

"""Every method on every ready task: the tables of the page "How good is it?".

    python benchmarks/scoreboard.py                     # quick: a few small tasks, printed
    python benchmarks/scoreboard.py --whole WORK        # all, kept in WORK as it goes on
    python benchmarks/scoreboard.py --whole WORK --docs # and written into the docs
    python benchmarks/scoreboard.py --whole WORK --methods NAME ... # some methods: a table of their macro-F1

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
import scvi
from _data import DATA, markdown, some_labelled

import scellm
from scellm import bm, datasets
from scellm.baselines import (
    EmbeddingLogisticRegression,
    JointEmbedding,
    L1LogisticRegression,
    LinearSVM,
    LogisticRegression,
    MajorityType,
    PCALogisticRegression,
    PCANeighbors,
    RankLogisticRegression,
    ScANVI,
)
from scellm.data._prepared import fingerprint_of_cells
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
    "celllm-bag, all layers trained": lambda: CellLMClassifier(tune="full", **QUIET),
    "celllm-bag, the paper's head": lambda: CellLMClassifier(head="mlp", **QUIET),
    "celllm-bag, logistic regression": lambda: EmbeddingLogisticRegression("celllm-bag"),
    "celllm-mini, logistic regression": lambda: EmbeddingLogisticRegression("celllm-mini"),
    "scANVI": lambda: ScANVI((50, 20)),
    "JointEmbeddingSCVI, logistic regression": JointEmbedding,
}
QUIET = {"enable_progress_bar": False, "accelerator": "cpu"}
CONFOUNDED = ["colorectal, tumour or normal", "PC9, which library"]
"""Tasks whose labels go with the library or the patient: shown, and left out of the means."""
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
    parser.add_argument("--methods", nargs="*", metavar="NAME", help="methods; by default all")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    if not (DATA / "eval").exists():
        print("The scoreboard needs the evaluation sets: set SCELLM_TEST_DATA to the folder that holds eval/.")
        return
    quick = args.whole is None
    if args.docs and (quick or args.only):
        parser.error("--docs needs --whole, with all tasks: the page would be incomplete.")
    begin = time.perf_counter()
    names = args.only or (list(QUICK_TASKS) if quick else list(datasets.TASKS))
    methods = {k: v for k, v in {**MODELS, **SIMPLE}.items() if not quick or k in QUICK_METHODS}
    if not hasattr(scvi.external, "JointEmbeddingSCVI"):  # from scvi-tools 1.5, and so from Python 3.12
        methods.pop("JointEmbeddingSCVI, logistic regression", None)
    unknown = set(args.methods or ()) - set(methods)
    if unknown:
        parser.error(f"--methods {sorted(unknown)}: not known here; expected some of {list(methods)}.")
    methods = {k: v for k, v in methods.items() if not args.methods or k in args.methods}
    results = run(names, methods, 400 if quick else args.cells, args.whole)
    text = some(results) if args.methods else report(results)
    print(text)
    print(f"{(time.perf_counter() - begin) / 60:.1f} minutes")
    if args.docs and args.methods:
        (DOCS / "user_guide/_scoreboard_some.md").write_text(text, encoding="utf-8")
    elif args.docs:
        (DOCS / "user_guide/_scoreboard.md").write_text(text, encoding="utf-8")
        shown = results.table[~results.table["task"].isin(CONFOUNDED)]
        ax = scellm.pl.scoreboard(shown, metric="macro_f1", highlight=OURS, show=False)
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
    adata = task.adata[some_labelled(task.adata, task.labels_key, cells)].copy()
    scellm.pp.prepare(adata)
    return replace(task, adata=adata)


def embed(task: bm.Task, weights: str, work: Path) -> None:
    """Embeddings by frozen weights, in obsm; computed once for the same cells."""
    file = work / f"{weights}-{fingerprint_of_cells(task.adata)}.npy"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        scellm.tl.embed(task.adata, weights, key_added=weights)
        np.save(file, task.adata.obsm[weights])
    task.adata.obsm[weights] = np.load(file)


def report(results: bm.Results) -> str:
    """The tables: means and ranks of methods, every task, and what is established against the best simple one."""
    wide = results.table.pivot_table(index="method", columns=["metric", "task"], values="value", sort=False)
    overview = means(wide, results.table.groupby("method", sort=False)["seconds"].median())
    simple = [m for m in SIMPLE if m in wide.index]
    verdicts = bm.summary(results, against=simple, metric="macro_f1", n_boot=500)
    ours = verdicts[verdicts["method"] == OURS]
    counts = ours.loc[~ours["task"].isin(CONFOUNDED), "verdict"].value_counts()
    counted = ", ".join(f"{v} on {counts.get(v, 0)}" for v in ("better", "worse", "not established"))
    every = wide["macro_f1"].loc[overview["method"]].T.reset_index().rename_axis(None, axis=1)
    n = len(wide["macro_f1"].columns.difference(CONFOUNDED))
    return "\n".join(
        [
            f"Means over the {n} tasks of cell types. Seconds are the median for training and predicting once, on one "
            "core; rows with a frozen embedding leave out its encoding.\n",
            markdown(overview),
            f"CellLM beside the best simple method of each task, chosen by its score on that task. On tasks of cell "
            f"types it is {counted}.\n",
            markdown(beside(ours)),
            "Macro-F1, all:\n",
            markdown(every),
        ]
    )


def some(results: bm.Results) -> str:
    """Macro-F1 of some methods on every task, and their means over the tasks of cell types."""
    wide = results.table.query("metric == 'macro_f1'").pivot_table(
        index="task", columns="method", values="value", sort=False
    )
    wide.loc["mean over tasks of cell types"] = wide.drop(index=CONFOUNDED, errors="ignore").mean()
    wide.loc["seconds, median"] = results.table.groupby("method")["seconds"].median()
    return markdown(wide.rename_axis(None, axis=1).reset_index())


def means(wide: pd.DataFrame, seconds: pd.Series) -> pd.DataFrame:
    """Mean of each metric over the tasks of cell types, and the mean rank by macro-F1."""
    f1 = wide["macro_f1"].drop(columns=CONFOUNDED, errors="ignore")  # (methods, tasks)
    found = pd.DataFrame({"macro-F1": f1.mean(axis=1), "mean rank": f1.rank(ascending=False).mean(axis=1)})
    for metric in METRICS[1:]:
        found[metric.replace("_", " ")] = wide[metric][f1.columns].mean(axis=1)
    found["seconds"] = seconds.map(lambda s: f"{s:.1f}")
    return found.sort_values("macro-F1", ascending=False).rename_axis("method").reset_index()


def beside(ours: pd.DataFrame) -> pd.DataFrame:
    """Our score, the best simple one, and the difference with its interval."""
    columns = zip(ours["difference"], ours["low"], ours["high"], strict=True)
    return pd.DataFrame(
        {
            "task": ours["task"],
            "CellLM": ours["mean"],
            "best simple method": ours["against"],
            "its score": ours["mean"] - ours["difference"],
            "difference": [f"{d:+.3f} [{a:+.3f}, {b:+.3f}]" for d, a, b in columns],
            "verdict": ours["verdict"],
        }
    )


if __name__ == "__main__":
    main()

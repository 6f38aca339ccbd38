"""Cell types by the README's lines beside the simple baselines, on every evaluation set.

    python benchmarks/annotation.py WORK [--seeds 5] [--sets pbmc3k ...]

Each set is tested with 5 and 10 labelled cells per type, and with 10 % and 80 % of the cells labelled. The cells of a
set are encoded once and kept in WORK, and so are principal components. `--time NAME` measures the README's lines on one
set against encoding alone. Writes docs/user_guide/_annotation.md.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from _data import DATA, markdown, read

import scellm
from scellm import bm
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.data._prepared import fingerprint_of_cells
from scellm.model import CellLMClassifier, _own_features, _solve_types
from scellm.model._encodings import Encodings

LABELS, NAME = "cell_type", "celllm-bag"
OURS, EXPRESSION, PCA50, FROZEN = "README", "expression", "PCA-50", "embedding"
PROTOCOLS = {
    "5 a type": bm.FewLabels(5),
    "10 a type": bm.FewLabels(10),
    "10 %": bm.Stratified(0.9),
    "80 %": bm.Stratified(0.2),
}
PAGE = Path(__file__).parents[1] / "docs/user_guide/_annotation.md"


class Kept(Encodings):
    """Embeddings of one set, kept in a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def get(self, encoder: Any, adata: ad.AnnData, rows: np.ndarray, width: int, encode: Any) -> Any:
        """As for `Encodings`, for all cells at once."""
        import torch

        if not self.file.exists():
            np.save(self.file, encode(np.arange(adata.n_obs)).numpy())
        return torch.from_numpy(np.load(self.file)[rows])


class Readme(CellLMClassifier):
    """The README's lines, with the embeddings of `Kept`."""

    def __init__(self, kept: Kept, **options: Any) -> None:
        super().__init__(NAME, **options)
        self.kept = kept

    def fit(self, adata: ad.AnnData, labels_key: str, *, indices: Any = None) -> Any:
        """As for `CellLMClassifier`."""
        scellm.CellLM.setup_anndata(adata, labels_key=labels_key, unlabeled_category="")
        self.model = scellm.CellLM.from_pretrained(self.weights, adata)
        self.model._encodings = self.kept
        self.model.train(indices=indices, **self.options)
        return self


def keep_components(work: Path) -> None:
    """Principal components once for each data set: they do not depend on labels."""
    compute = _own_features.expression_components

    def kept(adata: ad.AnnData) -> np.ndarray:
        file = work / f"components-{fingerprint_of_cells(adata)}.npy"
        if not file.exists():
            np.save(file, compute(adata))
        return np.load(file)

    _solve_types.expression_components = kept


def scores(work: Path, name: str, seeds: int) -> pd.DataFrame:
    """Scores of all methods on one set."""
    adata = read(f"eval/{name}.h5ad")
    scellm.pp.prepare(adata)
    kept = Kept(work / f"{name}.npy")
    model = scellm.CellLM.from_pretrained(NAME)
    model._encodings = kept
    adata.obsm["X_celllm"] = model.get_latent_representation(adata)
    methods = {
        OURS: lambda: Readme(kept),
        EXPRESSION: LogisticRegression,
        PCA50: PCALogisticRegression,
        FROZEN: lambda: EmbeddingLogisticRegression("X_celllm"),
    }
    tasks = [bm.Task(f"{name}, {p}", adata, LABELS, split) for p, split in PROTOCOLS.items()]
    table = bm.run(tasks, methods, seeds=seeds, metrics=["macro_f1", "accuracy"]).table
    return table.assign(set=name, labelled=table["task"].str.split(", ").str[1])


def pages(table: pd.DataFrame) -> str:
    """The tables of the docs."""
    f1 = table[table["metric"] == "macro_f1"]
    wide = f1.pivot_table(index=["set", "labelled"], columns="method", values="value").reset_index()
    wide = wide[["set", "labelled", OURS, EXPRESSION, PCA50, FROZEN]]
    wide["beside the best"] = wide[OURS] - wide[[EXPRESSION, PCA50, FROZEN]].max(axis=1)
    mean = wide.groupby("labelled", sort=False)[[OURS, EXPRESSION, PCA50, FROZEN]].mean().reset_index()
    per_set = wide.groupby("set", sort=False)[[OURS, EXPRESSION, PCA50, FROZEN]].mean().reset_index()
    every = wide[[OURS, EXPRESSION, PCA50, FROZEN]].mean().to_frame().T.assign(labelled="all")
    return "\n".join(
        [
            "Mean over sets:\n",
            markdown(pd.concat([mean, every[mean.columns]])),
            "Mean over the four amounts of labels:\n",
            markdown(
                per_set.assign(**{"beside the best": per_set[OURS] - per_set[[EXPRESSION, PCA50, FROZEN]].max(axis=1)})
            ),
            "All:\n",
            markdown(wide),
        ]
    )


def timing(name: str) -> None:
    """The README's lines against encoding alone."""
    adata = read(f"eval/{name}.h5ad")
    train, _ = bm.Stratified(0.9)(
        bm.Task("", adata, LABELS, bm.FewLabels()).types(adata), adata.obs, np.random.default_rng(0)
    )
    adata.obs["known"] = np.where(np.isin(np.arange(adata.n_obs), train), adata.obs[LABELS].astype(str), "Unknown")
    scellm.pp.prepare(adata)
    model = scellm.CellLM.from_pretrained(NAME)
    start = time.perf_counter()
    model.get_latent_representation(adata)
    alone = time.perf_counter() - start
    start = time.perf_counter()
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM.from_pretrained(NAME, adata)
    model.train()
    scellm.tl.annotate(adata, model)
    whole = time.perf_counter() - start
    print(
        f"{name}: {adata.n_obs:,} cells, {len(train):,} labelled: encoding {alone:.0f} s, README {whole:.0f} s, "
        f"ratio {whole / alone:.2f}"
    )


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="*", default=sorted(p.stem for p in (DATA / "eval").glob("*.h5ad")))
    parser.add_argument("--time", default="")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    scellm.settings.verbosity = 40
    if args.time:
        timing(args.time)
        return
    keep_components(args.work)
    found = []
    for name in args.sets:
        file = args.work / f"{name}.csv"
        if not file.exists():
            scores(args.work, name, args.seeds).to_csv(file, index=False)
        found.append(pd.read_csv(file))
        print(name, flush=True)
    text = pages(pd.concat(found))
    if args.sets == parser.get_default("sets"):
        PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""Cells of types that were not learned: how many are found, and how often learned types are among the possible ones.

    python benchmarks/unknown_types.py WORK [--docs]
    python benchmarks/unknown_types.py WORK --choose

On at most 1,800 cells of each of seven sets, each type with at least 20 cells is left out in turn. A model learns from
four fifths of the other cells, and answers `scellm.tl.annotate(unknown=)` for the fifth and for the type that was left
out. "coverage" is the share of the fifth whose type is among the possible ones, and "worst" the lowest of any type with
19 calibration cells and more, over all models of the set. "unknown" is the share without a possible type, among both.
The AUROC says how well a number by itself separates the left-out type. Then coverage between studies of the pancreas,
where nothing is promised.
`--docs` writes the tables of the docs. Rows are kept in WORK.

`--choose` compares weights of the log probability in the misfit on labelled sources of the corpus; from 10 on, the
distance hardly matters.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from _data import SETS, markdown, read, some_labelled
from scipy.special import logsumexp, softmax
from signals import SEEN, UNSEEN
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import scellm
from scellm._labels import Labels
from scellm.model import _conformal, _solve_types
from scellm.model._conformal import Conformal, needed, possible

LABELS, NAME, COVERAGE, LEAST = "cell_type", "celllm-bag", 0.95, 20
DOCS = Path(__file__).parents[1] / "docs" / "user_guide"
AUROC = ("p-value", "max softmax", "energy", "kNN distance")
WEIGHTS, MOST = (0.0, 0.1, 0.3, 1.0, 10.0), 1800  # to choose from, and cells of a source


def main() -> None:
    """Leave every type out on every set, then whole studies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--docs", action="store_true", help="write the tables of the docs from all rows in WORK")
    parser.add_argument("--choose", action="store_true", help="compare weights of the misfit on the corpus instead")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    args.work.mkdir(parents=True, exist_ok=True)
    if args.choose:
        choose().to_csv(args.work / "choose.csv", index=False)
        return
    left_out, by_type = [], []
    for name in SETS:
        files = [args.work / f"{name} {part}.csv" for part in ("left out", "by type")]
        if not files[0].exists():
            for table, file in zip(types_left_out(name), files, strict=True):
                table.to_csv(file, index=False)
        left_out.append(pd.read_csv(files[0]))
        by_type.append(pd.read_csv(files[1]))
        print(left_out[-1].round(3).to_string(index=False), flush=True)
    file = args.work / "studies.csv"
    if not file.exists():
        studies_left_out().to_csv(file, index=False)
    summary, studies = summarised(pd.concat(left_out), pd.concat(by_type)), pd.read_csv(file)
    print(summary.round(3).to_string(index=False), studies.round(3).to_string(index=False), sep="\n\n")
    if args.docs:
        (DOCS / "_unknown_types.md").write_text(markdown(summary))
        (DOCS / "_unknown_studies.md").write_text(markdown(studies))


def choose() -> pd.DataFrame:
    """Scores of every weight, the mean over types of each source, and over sources."""
    seen: list[tuple] = []

    class Recorder(Conformal):
        @classmethod
        def of(cls, *args: Any) -> Conformal:
            seen.append(args)
            return Conformal.of(*args)

    _solve_types.Conformal = Recorder
    rows = []
    for name in (*UNSEEN, *SEEN):
        adata, types = labelled(f"corpus/{name}", MOST)
        for out, train, test, new in parts(types):
            model = learned(adata, types, train)
            for weight in WEIGHTS:
                _conformal._LOG_P = weight
                model._conformal = Conformal.of(*seen[-1])
                scores = found(model, model.predict_p_values(coverage=COVERAGE), types, train, test, new)[0]
                rows.append({"weight": weight, "set": name, "left out": out, **scores})
        each = pd.DataFrame(rows).drop(columns="left out").groupby(["weight", "set"]).mean()
        print(each.xs(name, level="set").round(3).to_string(), flush=True)
    means = each.groupby("weight").mean().reset_index()
    print(means.round(3).to_string(index=False))
    return pd.DataFrame(rows)


def labelled(file: str, most: int | None = None) -> tuple[ad.AnnData, np.ndarray]:
    """The labelled cells of a set, or a random part of them, prepared; and their types."""
    adata = read(f"{file}.h5ad")
    adata = adata[some_labelled(adata, LABELS, most or adata.n_obs)].copy()
    scellm.pp.prepare(adata)
    return adata, Labels.of(adata.obs, LABELS, quiet=True).names.astype(str)


def learned(adata: ad.AnnData, types: np.ndarray, train: np.ndarray) -> scellm.CellLM:
    """A model that learned from some cells; it holds all of them, as the README's lines do."""
    adata.obs["known"] = pd.Categorical(np.where(np.isin(np.arange(len(types)), train), types, "Unknown"))
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM.from_pretrained(NAME, adata)
    model.train()
    return model


def parts(types: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Each type that is left out, and the cells to learn from, of learned types, and of the type that was left out."""
    counts = pd.Series(types).value_counts()
    for seed, out in enumerate(counts.index[counts >= LEAST]):
        order = np.random.default_rng(seed).permutation(len(types))
        is_test = np.empty(len(types), bool)
        is_test[order] = pd.Series(order).groupby(types[order]).cumcount().to_numpy() % 5 == 0
        train = np.flatnonzero(~is_test & (types != out))
        if len(np.unique(types[train])) > 1:
            test = np.flatnonzero(is_test & (types != out) & np.isin(types, types[train]))
            yield out, train, test, np.flatnonzero(types == out)


def types_left_out(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row for each type that is left out; and for each of these, a row for each other type."""
    adata, types = labelled(f"eval/{name}", MOST)
    rows, by_type = [], []
    for out, train, test, new in parts(types):
        model = learned(adata, types, train)
        p = model.predict_p_values(coverage=COVERAGE)
        scores, covered = found(model, p, types, train, test, new)
        rows.append({"set": name, "left out": out, **scores})
        calibrating = pd.Series(model._conformal.own.codes).value_counts()
        for t, of in pd.Series(covered).groupby(types[test]):
            n = int(calibrating.get(p.columns.get_loc(t), 0))
            by_type.append({"set": name, "type": t, "calibration": n, "n": len(of), "covered": int(of.sum())})
    return pd.DataFrame(rows), pd.DataFrame(by_type)


def found(
    model: scellm.CellLM, p: pd.DataFrame, types: np.ndarray, train: np.ndarray, test: np.ndarray, new: np.ndarray
) -> tuple[dict[str, float], np.ndarray]:
    """Scores on cells of learned types and of the one that was left out; and which of the former are covered."""
    z, logits, _ = model._type_logits(None, None, None)
    near, _ = NearestNeighbors(n_neighbors=5).fit(z[train]).kneighbors(z)
    novelty = (-p.max(axis=1).to_numpy(), -softmax(logits, axis=1).max(1), -logsumexp(logits, axis=1), near.mean(1))
    cells, is_new = np.concatenate([test, new]), np.repeat([0, 1], [len(test), len(new)])
    inside = possible(p.to_numpy(), COVERAGE)
    size, covered = inside.sum(1), inside[test, p.columns.get_indexer(types[test])]
    scores = {
        "coverage": covered.mean(),
        "set size": size[test].mean(),
        "unknown, learned": (size[test] == 0).mean(),
        "unknown, left out": (size[new] == 0).mean(),
        **{name: roc_auc_score(is_new, values[cells]) for name, values in zip(AUROC, novelty, strict=True)},
    }
    return scores, covered


def studies_left_out() -> pd.DataFrame:
    """Coverage on a study of the pancreas by a model that learned from the other three."""
    adata, types = labelled("eval/pancreas_atlas")
    rows = []
    for study in sorted(set(adata.obs["dataset"])):
        other = (adata.obs["dataset"] == study).to_numpy()
        model = learned(adata[~other].copy(), types[~other], np.arange((~other).sum()))
        p = model.predict_p_values(adata[other].copy(), coverage=COVERAGE)
        is_known = np.isin(types[other], p.columns)
        inside = possible(p.to_numpy(), COVERAGE)
        covered = inside[np.flatnonzero(is_known), p.columns.get_indexer(types[other][is_known])]
        size = inside.sum(1)[is_known]
        unknown = (size == 0).mean()
        rows.append({"study": study, "coverage": covered.mean(), "set size": size.mean(), "unknown": unknown})
    return pd.DataFrame(rows)


def summarised(left_out: pd.DataFrame, by_type: pd.DataFrame) -> pd.DataFrame:
    """Means over the left-out types of each set, and over sets; "worst" is pooled over the models of a set."""
    means = left_out.drop(columns="left out").groupby("set", sort=False).mean()
    enough = by_type[by_type["calibration"] >= needed(COVERAGE)]
    pooled = enough.groupby(["set", "type"])[["covered", "n"]].sum()
    worst = (pooled["covered"] / pooled["n"]).groupby("set").min()
    means.insert(1, "worst", worst.reindex(means.index))
    return pd.concat([means, means.mean().to_frame("mean of sets").T]).rename_axis("set").reset_index()


if __name__ == "__main__":
    main()

"""Every number of the page "Drug response": splits, scores, baselines, single cells and the screen.

OMP_NUM_THREADS=1 python benchmarks/drug_report.py [SECTION ...]     # by default all; `make drug-report`

Each section prints its tables and keeps them in docs/user_guide/_drug/SECTION.md. Sections: routes, lines, assay,
replicate,
tissue, drugs, pairs, heads, published, coverage, cells, screen, speed.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _data import markdown, read
from _drug_data import deepcdr_pairs, gdsc, gdsc_lines, gdsc_pairs, mixology_and_pc9, tgsa, wide
from sklearn.ensemble import HistGradientBoostingClassifier

import scellm
from scellm import bm
from scellm.baselines import LogisticRegression
from scellm.baselines import drug as simple
from scellm.bm.drug import (
    DrugData,
    DrugResults,
    DrugTask,
    RandomPairs,
    UnseenDrugs,
    UnseenLines,
    UnseenTissues,
    drug_metrics,
    run_drugs,
)
from scellm.data._pseudobulk import GeneCounts
from scellm.drug import Profiles, Route
from scellm.model import CellLMClassifier, DrugResponseMethod
from scellm.model._line_features import tokens_of
from scellm.module import CellEncoder

OUT = Path(__file__).parents[1] / "docs/user_guide/_drug"
SHOWN = ["pearson", "rmse", "per_drug", "residual", "interaction", "per_line", "hit5", "hit5_chance", "beyond_tissue"]
BAR = "ridge, denoised"
Makers = dict[str, Callable]


def ours(units: str = "standardized", **options: object) -> Callable:
    """DrugResponse with options; drugs by name, as GDSC2's SMILES are not complete."""
    return lambda: DrugResponseMethod(units, **{"drug_encoder": "onehot", **options})


SIMPLE: Makers = {
    "drug mean": simple.DrugMean,
    "drug mean + one number a line": simple.LineSensitivity,
    "tissue x drug mean": simple.TissueDrugMean,
    BAR: simple.DenoisedRidge,
}
OURS: Makers = {
    "DrugResponse": ours(),
    "DrugResponse, celllm-mini": ours(encoder="celllm-mini"),
    "DrugResponse, random encoder": ours(encoder="random"),
}


def shown(results: DrugResults, against: str, *, verdict: bool = True) -> str:
    """Scores and the verdict on the interaction as Markdown."""
    scores = results.pivot().reindex(columns=SHOWN).dropna(axis=1, how="all").reset_index()
    text = markdown(scores) + "\n"
    if verdict:
        found = results.summary(against=against)
        text += markdown(found[found["verdict"].notna()].fillna("")) + "\n"
    return text


def lines() -> str:
    """Unseen lines, on GDSC2 with 6,163 genes (three seeds) and on TGSA with 706 (five)."""
    main = run_drugs([DrugTask("GDSC2, 6,163 genes", gdsc(2))], SIMPLE | OURS, seeds=3)
    small = run_drugs(
        [DrugTask("TGSA, 706 genes", tgsa())],
        SIMPLE | {"ridge per drug": simple.RidgePerDrug, "random forest": simple.DrugForest, "DrugResponse": ours()},
        seeds=5,
    )
    return shown(main, BAR) + shown(small, BAR)


def assay() -> str:
    """Learn from one assay, judge unseen lines in the other."""
    both = {v: gdsc(v) for v in (1, 2)}
    drugs = both[1].responses.columns.intersection(both[2].responses.columns)
    tables = {v: d.responses[drugs] for v, d in both.items()}
    task = lambda a, b: DrugTask(
        f"GDSC{a} to GDSC{b}", DrugData(both[a].lines, tables[a], None, "tissue"), UnseenLines(), tables[b]
    )
    return shown(run_drugs([task(1, 2), task(2, 1)], SIMPLE | OURS, seeds=3), BAR)


def replicate() -> str:
    """One assay as the prediction of the other, for the very same lines; and the share of values above 10 uM."""
    tables = {v: wide(gdsc_pairs(v), gdsc_lines().obs_names) for v in (1, 2)}
    drugs_ = tables[1].columns.intersection(tables[2].columns)
    names = tables[1].index.intersection(tables[2].index)
    rows = []
    for a, b in ((1, 2), (2, 1)):
        p, y = (tables[v].loc[names, drugs_] for v in (a, b))
        both = p.notna() & y.notna()
        shifted = p.where(both) - p.where(both).mean() + y.where(both).mean()
        scores = drug_metrics(y.where(both).to_numpy(), shifted.to_numpy(), y.where(both).mean().to_numpy())
        high = float((gdsc_pairs(b)["value"] > np.log(10)).mean())
        rows.append({"prediction": f"GDSC{a}", "truth": f"GDSC{b}", **{k: scores[k] for k in SHOWN if k in scores}})
        rows[-1]["truth above 10 uM"] = high
    return markdown(pd.DataFrame(rows))


def tissue() -> str:
    """Tissues that were not learned from."""
    found = run_drugs(
        [DrugTask("TGSA, unseen tissues", tgsa(), UnseenTissues())],
        {k: SIMPLE[k] for k in ("drug mean + one number a line", BAR)} | {"DrugResponse": ours()},
        seeds=5,
    )
    main = run_drugs(
        [DrugTask("GDSC2, unseen tissues", gdsc(2), UnseenTissues())],
        {k: SIMPLE[k] for k in ("drug mean + one number a line", BAR)} | OURS,
        seeds=3,
    )
    return shown(found, BAR) + shown(main, BAR)


def drugs() -> str:
    """Molecules that were not learned from."""
    found = run_drugs(
        [DrugTask("TGSA, unseen drugs", tgsa(), UnseenDrugs())],
        {
            "line mean": simple.LineMean,
            "similar drugs": simple.SimilarDrugs,
            "DrugResponse, fingerprints": ours(drug_encoder="morgan"),
            "DrugResponse, additive, fingerprints": ours(drug_encoder="morgan", head="additive", n_heads=1),
            "DrugResponse, additive, graph": ours(drug_encoder="graph", n_heads=1),
        },
        seeds=5,
    )
    return shown(found, "similar drugs")


def pairs() -> str:
    """Random pairs: every line and drug is known from other pairs."""
    found = run_drugs(
        [DrugTask("TGSA, random pairs", tgsa(), RandomPairs())],
        {
            "drug mean": simple.DrugMean,
            "drug + line": simple.DrugLineMean,
            "factorisation": simple.Factorization,
            BAR: simple.DenoisedRidge,
            "DrugResponse": ours(),
        },
        seeds=3,
    )
    return shown(found, "factorisation")


def heads() -> str:
    """Heads and drug encoders on unseen lines; one split, as networks take minutes."""
    found = run_drugs(
        [DrugTask("TGSA, 706 genes", tgsa())],
        {
            BAR: simple.DenoisedRidge,
            "solved": ours(),
            "additive, by name": ours(head="additive"),
            "additive, fingerprints": ours(head="additive", drug_encoder="morgan"),
            "additive, graph": ours(drug_encoder="graph"),
            "paper's head, graph": ours(
                head="paper", drug_encoder="graph", n_heads=1, max_epochs=40, patience=8, batch_lines=8
            ),
            "paper's head, graph, scBERT-like encoder with random weights": lambda: DrugResponseMethod(
                "standardized",
                encoder=scellm.CellLM.without_data(dim=200, depth=6, heads=10, dim_head=64, pooling="mean"),
                drug_encoder="graph",
                head="paper",
                n_heads=1,
                max_epochs=40,
                patience=8,
                batch_lines=8,
            ),
            "DeepCDR as in the paper's code": ours(
                head="deepcdr", drug_encoder="graph", n_heads=1, max_epochs=40, patience=8, batch_lines=8
            ),
        },
        seeds=1,
    )
    return shown(found, BAR)


def published() -> str:
    """107,446 pairs, split at random: as published (a pair may be in both parts), and with repeats merged."""
    long = deepcdr_pairs()
    repeats = int(long.duplicated(["line", "drug"]).sum())
    counts = f"{len(long):,} pairs, {long['line'].nunique()} lines, {long['drug'].nunique()} drugs, {repeats:,} repeats"
    table = long.pivot_table(index="line", columns="drug", values="value")
    lines_ = ad.AnnData(np.zeros((len(table), 1), np.float32), obs=pd.DataFrame(index=table.index))
    methods = {
        "drug mean": simple.DrugMean,
        "drug + line": simple.DrugLineMean,
        "factorisation": simple.Factorization,
        "factorisation, per drug": lambda: simple.Factorization(per_drug=True),
    }
    merged = run_drugs([DrugTask("repeats merged", DrugData(lines_, table), RandomPairs())], methods, seeds=3)
    return f"{counts}.\n\n" + _leaky(long, methods, lines_) + shown(merged, "factorisation", verdict=False)


def _leaky(long: pd.DataFrame, methods: Makers, lines_: ad.AnnData) -> str:
    """Scores over rows that are split without merging repeats first, as the paper's code does."""
    rows = []
    for name, make in methods.items():
        found = []
        for seed in range(3):
            order, n = np.random.default_rng(seed).permutation(len(long)), len(long)
            train, test = long.iloc[order[: int(0.8 * n)]], long.iloc[order[int(0.9 * n) :]]
            table = train.pivot_table(index="line", columns="drug", values="value")
            method = make().fit(lines_[table.index], table)
            predicted = method.predict(lines_, list(table.columns))
            test = test[test["drug"].isin(table.columns)]
            p = predicted.to_numpy()[
                predicted.index.get_indexer(test["line"]), predicted.columns.get_indexer(test["drug"])
            ]
            y = test["value"].to_numpy()
            found.append(
                {
                    "pearson": np.corrcoef(y, p)[0, 1],
                    "r2": 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
                    "rmse": np.sqrt(((y - p) ** 2).mean()),
                    "mae": np.abs(y - p).mean(),
                }
            )
        rows.append({"task": "as published", "method": name, **pd.DataFrame(found).mean()})
    return markdown(pd.DataFrame(rows)) + "\n"


def coverage() -> str:
    """Share of the responses of unseen lines inside of intervals of nominal 80 %."""
    rows = []
    for version in (1, 2):
        data = gdsc(version)
        for name, options in {"DrugResponse": {}, "additive, by name": {"head": "additive"}}.items():
            inside = []
            for seed in range(3):
                fold = DrugTask("x", data).draw(seed)
                method = ours(**options)().fit(data.profiles(fold.learned.index), fold.learned, smiles=data.smiles)
                held_out = data.profiles(fold.truth.index)
                found = method.model.predict(held_out, list(fold.truth.columns), interval=0.8, units="standardized")
                y = fold.truth.to_numpy()
                ok = (y >= found["low"].to_numpy()) & (y <= found["high"].to_numpy())
                inside.append(ok[np.isfinite(y)].mean())
            rows.append({"data": f"GDSC{version}", "head": name, "nominal": 0.8, "covered": float(np.mean(inside))})
    return markdown(pd.DataFrame(rows))


def cells() -> str:
    """Binary sensitivity of cells: few-shot (5 %) and full (80 %) on PC9, and patients left out on glioblastoma."""
    methods = {
        "library size alone": _LibrarySize,
        "logistic regression, log expression": LogisticRegression,
        "gradient boosting, log expression": _Boosting,
        "logistic regression, labels permuted": _Permuted,
        "CellLM, solved head": CellLMClassifier,
    }
    pc9 = read("eval/pc9_erlotinib.h5ad")
    gbm = read("drug/gbm_panobinostat_300genes.h5ad")
    tasks = [
        bm.Task("PC9, 5 %", pc9, "response", bm.Stratified(test_size=0.95)),
        bm.Task("PC9, 80 %", pc9, "response", bm.Stratified(test_size=0.2)),
        bm.Task("glioblastoma, random split", gbm, "condition", bm.Stratified(test_size=0.2)),
    ]
    tasks += [
        bm.Task(f"glioblastoma, patient {d} left out", gbm, "condition", bm.LeaveOut("donor", [d]))
        for d in sorted(gbm.obs["donor"].astype(str).unique())
    ]
    metrics = ["macro_f1", "auroc", "average_precision"]
    parts = [
        bm.run(tasks[:2], methods, seeds=10, metrics=metrics),
        bm.run(tasks[2:], methods, seeds=3, metrics=metrics),
    ]
    table = pd.concat([p.table for p in parts])
    table["task"] = table["task"].str.replace(r"patient \w+ left", "a patient left", regex=True)
    mean = table.groupby(["task", "method", "metric"], sort=False)["value"].agg(["mean", "std"]).reset_index()
    mean["value"] = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean["mean"], mean["std"], strict=True)]
    wide_ = mean.pivot(index=["task", "method"], columns="metric", values="value")[metrics].reset_index()
    positive = _positive_scores(parts[0], "sensitive")
    checks = "\n".join(
        f"- {name}: {scellm.pp.check_confounding(a, key)}".replace("\n", "\n  ")
        for name, a, key in (("PC9", pc9, "response"), ("glioblastoma", gbm, "condition"))
    )
    return f"{checks}\n\n{markdown(wide_)}\n{positive}"


def _positive_scores(results: bm.Results, positive: str) -> str:
    """F1 and average precision of the positive label."""
    from sklearn.metrics import average_precision_score, f1_score

    rows = []
    for (task, seed), predictions in results.predictions.items():
        y = predictions["y_true"] == positive
        for method, table in results.probabilities[task, seed].items():
            score = table[positive].to_numpy()
            rows.append(
                {
                    "task": task,
                    "method": method,
                    f"F1 of {positive!r}": f1_score(y, predictions[method] == positive),
                    f"average precision of {positive!r}": average_precision_score(y, score),
                    f"share of {positive!r}": float(y.mean()),
                }
            )
    return markdown(pd.DataFrame(rows).groupby(["task", "method"], sort=False).mean().reset_index())


class _LibrarySize(LogisticRegression):
    """Logistic regression on the logarithm of counts and genes."""

    def features(self, adata: ad.AnnData, rows: np.ndarray) -> np.ndarray:
        """Two numbers a cell."""
        x = adata.X[rows]
        return np.log1p(np.stack([np.asarray(x.sum(1)).ravel(), np.asarray((x > 0).sum(1)).ravel()], 1))


class _Boosting(LogisticRegression):
    """Gradient boosting on the 2,000 genes of highest variance, chosen without labels."""

    def __init__(self) -> None:
        super().__init__(estimator=HistGradientBoostingClassifier(max_iter=100, random_state=0))

    def prepare_features(self, adata: ad.AnnData) -> None:
        """Choose genes."""
        x = scellm.baselines.log_expression(adata, np.arange(adata.n_obs))
        variance = np.asarray(x.multiply(x).mean(0) - np.square(x.mean(0))).ravel()
        self.genes = np.argsort(-variance)[:2000]

    def features(self, adata: ad.AnnData, rows: np.ndarray) -> np.ndarray:
        """Log expression of the chosen genes, dense."""
        return scellm.baselines.log_expression(adata, rows)[:, self.genes].toarray()


class _Permuted(LogisticRegression):
    """Logistic regression on labels that were permuted: what chance looks like."""

    def fit(self, adata: ad.AnnData, labels_key: str, *, indices: np.ndarray | None = None) -> _Permuted:
        """Permute the labels of the cells given, then fit."""
        column = adata.obs[labels_key].astype(object).to_numpy().copy()
        rows = np.arange(adata.n_obs) if indices is None else np.asarray(indices)
        column[rows] = np.random.default_rng(0).permutation(column[rows])
        adata.obs["_permuted"] = column
        return super().fit(adata, "_permuted", indices=indices)


def screen() -> str:
    """Cells of six lung lines with measured responses, which are left out of training."""
    adata, names = mixology_and_pc9()
    profiles = gdsc_lines()
    rows = []
    for version in (1, 2):
        table = wide(gdsc_pairs(version), profiles.obs_names)
        held_out = [n for n in names.values() if n in table.index]
        learned = table.drop(index=held_out)
        truth = table.loc[held_out]
        back = {v: k for k, v in names.items()}
        for method, options in {
            "DrugResponse": {},
            "DrugResponse, celllm-mini (saw the cells in pretraining)": {"encoder": "celllm-mini"},
            "DrugResponse, random encoder (never saw them)": {"encoder": "random"},
        }.items():
            fitted = ours(**options)().fit(profiles[learned.index], learned)
            mean = fitted.model.state_.scale.mean
            own = fitted.model.predict(profiles[truth.index], list(truth.columns), units="standardized").to_numpy()
            rows.append(_judged(version, method, "own bulk profile", truth, own, mean))
            for n_cells in (None, 100, 30, 10, 5, 1):
                seeds = range(1 if n_cells is None else 3)
                found = [
                    _from_cells(fitted.model, adata, [back[n] for n in truth.index], n_cells, seed, list(truth.columns))
                    for seed in seeds
                ]
                scored = [_judged(version, method, "", truth, p, mean) for p in found]
                what = "all cells" if n_cells is None else f"{n_cells} cells"
                numbers = pd.DataFrame(scored)[["residual", "interaction", "top 10 found", "chance"]].mean()
                rows.append({"data": f"GDSC{version}", "method": method, "input": what, **numbers})
    return markdown(pd.DataFrame(rows))


def _from_cells(
    model: scellm.DrugResponse, adata: ad.AnnData, lines_: list[str], n_cells: int | None, seed: int, drugs_: list[str]
) -> np.ndarray:
    """Predictions of the summed counts of some cells of each line."""
    rng = np.random.default_rng(seed)
    sums = []
    for line in lines_:
        rows = np.flatnonzero(adata.obs["line"].to_numpy() == line)
        some = rows if n_cells is None else rng.choice(rows, n_cells, replace=False)
        sums.append(np.asarray(adata.X[some].sum(0)).ravel())
    bulk = ad.AnnData(np.array(sums, np.float64), var=adata.var)
    return model.predict(bulk, drugs_, units="counts").to_numpy()


def _judged(version: int, method: str, what: str, truth: pd.DataFrame, predicted: np.ndarray, mean: np.ndarray) -> dict:
    y = truth.to_numpy()
    scores = drug_metrics(y, predicted, mean, least=3)
    top = drug_metrics(y, predicted, mean, least=3, k=10)
    return {
        "data": f"GDSC{version}",
        "method": method,
        "input": what,
        "residual": scores["residual"],
        "interaction": scores["interaction"],
        "top 10 found": 10 * top["hit5"],
        "chance": 10 * top["hit5_chance"],
    }


def routes() -> str:
    """Three ways from a profile to tokens, and expression itself: ridge on each, on GDSC1, where the way was chosen."""
    data, cells_ = gdsc(1), read("corpus/lung_cancer_lines_mixology.h5ad")
    profiles = Profiles.of(data.lines, "standardized")
    route = Route.fit(profiles, np.arange(len(profiles)))
    shares, z = profiles.ranks(profiles.genes), route.deviations(profiles)
    counts = GeneCounts(cells_)
    shared = np.isin(counts.genes, profiles.genes)
    total = np.asarray(counts.rows(np.arange(cells_.n_obs)).sum(1))
    single = np.log1p(counts.rows(np.arange(cells_.n_obs))[:, shared].toarray() / total * 1e4)
    bulk = np.log1p(np.expm1(single).mean(0, keepdims=True))
    curve = lambda x: np.interp(shares, (np.arange(x.shape[1]) + 0.5) / x.shape[1], np.sort(x, 1).mean(0))
    encoder = scellm.CellLM.from_pretrained("celllm-mini").module.cell_encoder.eval()
    inputs = {
        "expression (deviations), no encoder": z,
        "ranks to the curve of single cells": _encoded(encoder, profiles.genes, curve(single), 1e-6),
        "ranks to the curve of a pseudobulk": _encoded(encoder, profiles.genes, curve(bulk), 1e-6),
        "deviations from the training lines": _encoded(encoder, profiles.genes, z + encoder.config.n_bins / 3, 0.0),
    }
    parts = []
    for name, x in inputs.items():
        own = ad.AnnData(x, obs=data.lines.obs)
        task = DrugTask("GDSC1", DrugData(own, data.responses, None, "tissue"))
        parts.append(run_drugs([task], {name: lambda: simple.DenoisedRidge("linear")}, seeds=2).pivot().reset_index())
    return markdown(pd.concat(parts).reindex(columns=["task", "method", *SHOWN]).dropna(axis=1, how="all"))


def _encoded(encoder: CellEncoder, genes: np.ndarray, level: np.ndarray, least: float) -> np.ndarray:
    """Embeddings of profiles whose levels are given; genes below `least` are not expressed."""
    tokens = tokens_of(genes, level, level >= least, encoder.config.n_bins)
    with torch.inference_mode():
        return encoder.embed(tokens).numpy()


def speed() -> str:
    """Time of training on 100,000 pairs, beside the time of the strongest baseline."""
    data = gdsc(2)
    responses = data.responses.iloc[:, :120]
    n = int(responses.notna().to_numpy().sum())
    rows = []
    for name, make in {
        BAR: simple.DenoisedRidge,
        "DrugResponse": ours(),
        "DrugResponse, celllm-mini": ours(encoder="celllm-mini"),
        "DrugResponse, additive": ours(head="additive"),
    }.items():
        start = time.perf_counter()
        make().fit(data.profiles(responses.index), responses)
        rows.append({"method": name, "pairs": f"{n:,}", "seconds": time.perf_counter() - start})
    for row in rows:
        row["ratio"] = row["seconds"] / rows[0]["seconds"]
    return markdown(pd.DataFrame(rows))


SECTIONS = {
    f.__name__: f
    for f in (routes, lines, assay, replicate, tissue, drugs, pairs, heads, published, coverage, cells, screen, speed)
}


def main() -> None:
    """Run the sections that are named, or all."""
    scellm.settings.verbosity = logging.WARNING
    warnings.filterwarnings("ignore", message="Guess|.*panel.*|.*selection.*")  # 300 genes are a panel: expected here
    OUT.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SECTIONS:
        start = time.perf_counter()
        text = SECTIONS[name]()
        print(f"\n## {name}\n\n{text}\n({time.perf_counter() - start:.0f} s)", flush=True)
        (OUT / f"{name}.md").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Learn the annotation head of `celllm-immune`, judge it on sources left out, and write the files the package ships.

    python scripts/build_annotator.py DATA WORK            # ten minutes on one core
    python scripts/build_annotator.py DATA WORK --ship

`scripts/immune_labels.csv` says what each source's labels mean: a Cell Ontology term, a coarse one, and which types of
the head the label allows (none: the cells are left out, and those of other tissues serve to test abstention). A label
may allow several types, "T cell" all five, so that sources of any fineness are learned from.

Every study is left out in turn. The temperature of the probabilities, and the confidence below which the head abstains,
come from the other studies, each left out in turn as well (their heads did learn from the judged one: a mild leak).
`WORK` holds embeddings, the tables and the weights.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score

import scellm
from scellm._download import sha256
from scellm.baselines import log_expression
from scellm.model._annotator import Annotator
from scellm.model._solve_types import write_head
from scellm.tl._smoothing import cluster_means, smoothed
from scellm.train._solve_head import SolvedHead
from scellm.train._solve_partial import solve_partial
from scellm.weights._file import WEIGHTS

HERE = Path(__file__).parent
PACKAGE, DOCS = HERE.parent / "src" / "scellm" / "weights", HERE.parent / "docs" / "user_guide"
LABELS = HERE / "immune_labels.csv"
NAME, BASE, LICENCE = "celllm-immune", "celllm-bag", "CC BY 4.0"
STUDY = {"pbmc_sorted_zheng3500": "Zheng 2017", "pbmc_facs_sorted_zheng3874": "Zheng 2017"}
"""Sources of one study, which are left out together."""
JUDGED = (
    "pbmc3k",
    "pbmc_sorted_zheng3500",
    "pbmc_facs_sorted_zheng3874",
    "kang_ifnb_muscat",
    "bmmc_neurips2021_5k",
    "lung_lca1000",
    "colorectal_tumor_normal",
)
WITH_STRANGERS = ("pancreas_atlas", "pancreas_baron_h1")
"""Sources left out as well, because cells of theirs are of no type of the head."""
FOREIGN = ("brain_nuclei_habib2017", "lung_cancer_lines_mixology")
"""Sources of which no cell is of any type of the head."""
MOST, FOREIGN_CELLS = 200, 1500  # cells per source and label to learn from, and cells of a foreign source
STRENGTH, EXPRESSION_STRENGTH, STEPS = 0.003, 1.0, 120  # the second is CellTypist's default
LEARNABLE = 10  # cells that other studies must hold of a type, else it cannot be learned from them
RIGHT = 0.75  # share of right answers among those just above the minimum of confidence
COLUMNS = ["answer", "coarse macro-F1", "fine macro-F1", "coarse accuracy", "named", "right if named"]


@dataclass
class Source:
    """Labelled cells of one source."""

    name: str
    adata: ad.AnnData
    allowed: np.ndarray
    label: np.ndarray
    vectors: np.ndarray
    expression: sp.csr_matrix

    @property
    def study(self) -> str:
        """The study that it is of."""
        return STUDY.get(self.name, self.name)

    @property
    def some(self) -> np.ndarray:
        """Indices of at most `MOST` cells of each label, chosen once."""
        order = np.random.default_rng(0).permutation(len(self.label))
        rank = pd.Series(self.label[order]).groupby(self.label[order]).cumcount().to_numpy()
        return np.sort(order[rank < MOST])

    @classmethod
    def read(
        cls, name: str, data: Path, work: Path, types: list[str], table: pd.DataFrame, model: scellm.CellLM
    ) -> Self:
        """Read a source; its embeddings are kept in `work`."""
        path = next(p for p in (data / f / f"{name}.h5ad" for f in ("eval", "corpus", "drug")) if p.exists())
        adata = ad.read_h5ad(path)
        label = adata.obs["cell_type"].astype(str).to_numpy()
        rows = np.flatnonzero(label != "unknown")
        if name in FOREIGN:
            rows = np.sort(np.random.default_rng(0).permutation(rows)[:FOREIGN_CELLS])
        adata, label = adata[rows].copy(), label[rows]
        scellm.pp.prepare(adata)
        own = table[table["source"] == name].set_index("label")["types"]
        allowed = np.array([np.isin(types, own.get(x, "").split("|")) for x in label])
        file = work / f"{name}.npy"
        if not file.exists():
            np.save(file, model.get_latent_representation(adata))
        expression = log_expression(adata, np.arange(adata.n_obs))
        return cls(name, adata, allowed, label, np.load(file), expression)

    def at(self, rows: np.ndarray) -> Self:
        """Some of its cells."""
        parts = (self.adata[rows], self.allowed[rows], self.label[rows], self.vectors[rows])
        return type(self)(self.name, *parts, self.expression[rows])


def main() -> None:
    """Judge the head on studies left out, and learn it from all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with `eval`, `corpus` and `drug`")
    parser.add_argument("work", type=Path, help="folder for all output")
    parser.add_argument("--ship", action="store_true", help="copy the results in WORK to the package and its docs")
    args = parser.parse_args()
    if args.ship:
        ship(args.work)
        return
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    args.work.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(LABELS, keep_default_na=False)
    types = types_of(table)
    model = scellm.CellLM.from_pretrained(BASE)
    read = lambda name: Source.read(name, args.data, args.work, list(types["name"]), table, model)
    every = [read(name) for name in dict.fromkeys(table["source"])]
    foreign = {s.name: s for s in [*every, *map(read, FOREIGN)]}
    known = [s.at(np.flatnonzero(s.allowed.any(1))) for s in without_shared(every)]
    studies = list(dict.fromkeys(s.study for s in known if s.name in JUDGED + WITH_STRANGERS))
    left_out = {}
    for study in studies:
        print("left out:", study, flush=True)
        left_out[study] = solve([s for s in known if s.study != study])
    judged = {s.name: s for s in known if s.name in JUDGED}
    logits = {s.name: left_out[s.study](s.vectors) for s in judged.values()}
    head = solve(known)
    calibrated = {study: calibrate(types, judged, logits, but=study) for study in [*studies, ""]}
    strangers(foreign, types, head, left_out, calibrated).to_csv(args.work / "foreign.csv", index=False)
    by_type(judged, types, logits, calibrated).to_csv(args.work / "by_type.csv", index=False, float_format="%.3f")
    print({k: (round(t, 2), a.limits) for k, (t, a) in calibrated.items()}, flush=True)
    rows = []
    for s in judged.values():
        rows += [{"source": s.name, **row} for row in compare(s, known, types, logits[s.name], calibrated[s.study])]
        print(pd.DataFrame(rows[-6:]).round(3).to_string(index=False), flush=True)
    found = pd.DataFrame(rows)
    found.to_csv(args.work / "judged.csv", index=False, float_format="%.4f")
    save(model, head, types, calibrated[""], known, found, args.work / NAME)


def types_of(table: pd.DataFrame) -> pd.DataFrame:
    """The types of the head with ids and coarse types, in the order in which the table first names them."""
    names = list(dict.fromkeys(t for row in table["types"] if row for t in row.split("|")))
    ids = dict(zip(table["name"], table["id"], strict=True)) | dict(
        zip(table["coarse"], table["coarse_id"], strict=True)
    )
    coarse = dict(zip(table["types"], table["coarse"], strict=True))  # of labels that allow one type
    return pd.DataFrame(
        [{"name": n, "id": ids[n], "coarse": coarse[n], "coarse_id": ids[coarse[n]]} for n in names], dtype=object
    )


def without_shared(sources: list[Source]) -> list[Source]:
    """The cells of the second Zheng set without the barcodes of the first."""
    first, second = STUDY
    bare = lambda s: s.adata.obs_names.str.split("-").str[0]
    known = set(next(bare(s) for s in sources if s.name == first))
    return [s.at(np.flatnonzero(~bare(s).isin(known))) if s.name == second else s for s in sources]


def weights_of(sources: list[Source]) -> np.ndarray:
    """Weight of each cell: one over the root of the number of cells of its source and label, mean 1."""
    labels = pd.Series([f"{s.name} {label}" for s in sources for label in s.label])
    weight = labels.map(labels.value_counts()).to_numpy() ** -0.5
    return weight / weight.mean()


@dataclass(frozen=True)
class Head:
    """Logits of embeddings."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, x: np.ndarray | sp.csr_matrix) -> np.ndarray:
        """Logits, (cells, types)."""
        return np.asarray(x @ self.weight.T + self.bias)


def solve(sources: list[Source]) -> Head:
    """The head on the embeddings of some sources."""
    some = [s.at(s.some) for s in sources]
    x, allowed = (np.concatenate([getattr(s, part) for s in some]) for part in ("vectors", "allowed"))
    weight = np.concatenate([weights_of([s]) for s in some])
    mean, scale = x.mean(0), float(np.sqrt(x.var(0).sum() / x.shape[1]))
    w, b = solve_partial(((x - mean) / scale).astype(np.float32), allowed, weight, strength=STRENGTH, max_iter=STEPS)
    return Head(w / scale, b - (w / scale) @ mean)


def solve_on_expression(sources: list[Source]) -> Head:
    """Logistic regression on log expression, each gene divided by its standard deviation (as CellTypist does)."""
    some = [s.at(s.some) for s in sources]
    x = sp.vstack([s.expression for s in some]).tocsr()
    mean = np.asarray(x.mean(0)).ravel()
    sd = np.sqrt(np.maximum(np.asarray(x.multiply(x).mean(0)).ravel() - mean**2, 0))
    scale = np.divide(1, sd, out=np.zeros_like(sd), where=sd > 0).astype(np.float32)
    allowed, weight = np.concatenate([s.allowed for s in some]), np.concatenate([weights_of([s]) for s in some])
    scaled = (x @ sp.diags(scale)).tocsr()
    scaled.data = np.minimum(scaled.data, 10)
    w, b = solve_partial(scaled, allowed, weight, strength=EXPRESSION_STRENGTH, max_iter=STEPS // 2)
    return Head(w * scale, b)


def calibrate(types: pd.DataFrame, judged: dict[str, Source], logits: dict, *, but: str) -> tuple[float, Annotator]:
    """Temperature, and the minimum of confidence, from studies left out; `but` is the one that is judged with them."""
    used = [s for s in judged.values() if s.study != but]
    share = np.concatenate([np.full(len(s.label), 1 / len(s.label)) for s in used])
    x, allowed = np.concatenate([logits[s.name] for s in used]), np.concatenate([s.allowed for s in used])

    def loss(log_t: float) -> float:
        log_p = np.where(allowed, log_softmax(x / np.exp(log_t), axis=1), -np.inf)
        return float(share @ -np.logaddexp.reduce(log_p, axis=1).clip(-50))

    temperature = float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
    p = softmax(x / temperature, axis=1).astype(np.float32)
    groups = groups_of(types)
    coarse, cells = p @ groups, np.arange(len(p))
    best = coarse.argmax(1)
    fits = (allowed @ groups > 0)[cells, best]
    fine = np.where(groups[:, best].T > 0, p, -1)
    exact = allowed[cells, fine.argmax(1)]
    says_more = allowed.sum(1) < (allowed @ groups > 0) @ groups.sum(0)  # than the coarse type
    limits = []
    for group in groups.argmax(1):  # the coarse type of each type
        some = says_more & fits & (best == group)
        limits.append(minimum(fine.max(1)[some], exact[some], share[some]) if groups[:, group].sum() > 1 else 0.0)
    return temperature, Annotator(types.assign(min_confidence=limits), minimum(coarse.max(1), fits, share))


def minimum(confidence: np.ndarray, right: np.ndarray, share: np.ndarray) -> float:
    """The lowest confidence, in hundredths, from which on answers are right often enough, counting the next tenth."""
    for low in np.arange(0.3, 0.95, 0.01):
        near = (confidence >= low) & (confidence < low + 0.1)
        if near.sum() >= 20 and np.average(right[near], weights=share[near]) >= RIGHT:
            return round(float(low), 2)
    return 0.95


def plain(types: pd.DataFrame) -> Annotator:
    """The types without any minimum of confidence."""
    return Annotator(types.assign(min_confidence=0.0))


def groups_of(types: pd.DataFrame) -> np.ndarray:
    """Which coarse type each type is of, (types, coarse)."""
    names = sorted(set(types["coarse"]))
    return (types["coarse"].to_numpy(str)[:, None] == np.array(names)).astype(np.float32)


def compare(
    s: Source, known: list[Source], types: pd.DataFrame, logits: np.ndarray, calibrated: tuple[float, Annotator]
) -> list[dict]:
    """A judged source under each way to name its cells."""
    others = [o for o in known if o.study != s.study]
    temperature, annotator = calibrated
    p = softmax(logits / temperature, axis=1).astype(np.float32)
    clusters = pd.Series(KMeans(max(len(p) // 40, 5), n_init=3, random_state=0).fit_predict(components(s)))
    theirs = softmax(solve_on_expression(others)(s.expression), axis=1).astype(np.float32)
    can = np.concatenate([o.allowed[o.allowed.sum(1) == 1] for o in others]).sum(0) >= LEARNABLE
    say = lambda answer, q, a=annotator: {"answer": answer, **scores(q, s.allowed, types, can, a)}
    always = plain(types)
    return [
        say("celllm-immune", p),
        say("celllm-immune, smooth=10", smoothed(p, s.vectors, 10)),
        say("celllm-immune, smooth=clusters", cluster_means(p, clusters)),
        say("expression", theirs, always),
        say("expression, majority of a cluster", majority(theirs, clusters), always),
        {"answer": "trained on 80 % of these cells", **own(s, types, can)},
    ]


def components(s: Source) -> np.ndarray:
    """Principal components of the log expression of a source."""
    return PCA(50, svd_solver="arpack", random_state=0).fit_transform(s.expression)


def majority(p: np.ndarray, clusters: pd.Series) -> np.ndarray:
    """CellTypist's majority vote: every cell of a cluster gets the type that most of its cells have."""
    votes = np.eye(p.shape[1], dtype=np.float32)[p.argmax(1)]
    return cluster_means(votes, clusters)


def own(s: Source, types: pd.DataFrame, can: np.ndarray) -> dict[str, float]:
    """Scores on a fifth of the cells of a head that learned from the other four fifths."""
    part = np.random.default_rng(0).permutation(len(s.label)) % 5
    found = []
    for k in range(5):
        inside, outside = s.at(np.flatnonzero(part != k)), s.at(np.flatnonzero(part == k))
        mean = inside.vectors.mean(0)
        scale = float(np.sqrt(inside.vectors.var(0).sum() / inside.vectors.shape[1]))
        w, b = solve_partial((inside.vectors - mean) / scale, inside.allowed, weights_of([inside]), max_iter=STEPS)
        found.append(softmax((outside.vectors - mean) / scale @ w.T + b, axis=1).astype(np.float32))
    order = np.argsort(np.concatenate([np.flatnonzero(part == k) for k in range(5)]))
    return scores(np.concatenate(found)[order], s.allowed, types, can, plain(types))


def scores(
    p: np.ndarray, allowed: np.ndarray, types: pd.DataFrame, can: np.ndarray, annotator: Annotator
) -> dict[str, float]:
    """Macro-F1 and accuracy of the best answers, on types that can be known; then what is named, and what is right."""
    groups = groups_of(types)
    truth = allowed @ groups > 0  # (cells, coarse)
    one = (truth.sum(1) == 1) & (allowed @ can.astype(int) > 0)
    coarse, best = truth.argmax(1), (p @ groups).argmax(1)
    exact = (allowed.sum(1) == 1) & one
    fine = np.where(groups[:, best].T > 0, p, -1).argmax(1)
    found = annotator.answers(p)
    named = (found["type"] != "unknown").to_numpy()
    ok = right(found["type"].to_numpy(str), allowed, types)
    f1 = lambda a, b: f1_score(a, b, average="macro", labels=np.unique(a), zero_division=0)
    return {
        "coarse macro-F1": f1(coarse[one], best[one]),
        "fine macro-F1": f1(allowed[exact].argmax(1), fine[exact]),
        "coarse accuracy": float((coarse[one] == best[one]).mean()),
        "named": float(named.mean()),
        "right if named": float(ok[named].mean()),
    }


def right(answers: np.ndarray, allowed: np.ndarray, types: pd.DataFrame) -> np.ndarray:
    """Whether an answer at either level agrees with the label, as far as the label says."""
    by_answer = {n: types["name"].to_numpy(str) == n for n in types["name"]}
    by_answer = {n: types["coarse"].to_numpy(str) == n for n in types["coarse"]} | by_answer
    meant = np.array([by_answer.get(a, np.zeros(len(types), bool)) for a in answers])  # (cells, types)
    return (meant & allowed).any(1)


def strangers(
    every: dict[str, Source], types: pd.DataFrame, head: Head, left_out: dict[str, Head], calibrated: dict
) -> pd.DataFrame:
    """How often cells of no type of the head are left unnamed; cells of a type show what that costs."""
    rows = []
    for s in every.values():
        foreign = s.at(np.flatnonzero(~s.allowed.any(1)))
        if len(foreign.label) < 20:
            continue
        temperature, annotator = calibrated.get(s.study, calibrated[""])
        p = softmax(left_out.get(s.study, head)(foreign.vectors) / temperature, axis=1).astype(np.float32)
        found = annotator.answers(p)
        for label, of in pd.Series(found["coarse"]).groupby(foreign.label):
            if len(of) >= 20:
                top = of[of != "unknown"].value_counts()
                named = f"{top.index[0]} ({top.iloc[0] / len(of):.0%})" if len(top) else ""
                rows.append(
                    {
                        "source": s.name,
                        "cells": label,
                        "n": len(of),
                        "unknown": f"{(of == 'unknown').mean():.2f}",
                        "most often named": named,
                    }
                )
    return pd.DataFrame(rows)


def by_type(judged: dict[str, Source], types: pd.DataFrame, logits: dict, calibrated: dict) -> pd.DataFrame:
    """For each type, over the judged sources whose label is exactly it: recall, and what it is taken for."""
    rows = []
    for s in judged.values():
        temperature, annotator = calibrated[s.study]
        found = annotator.answers(softmax(logits[s.name] / temperature, axis=1).astype(np.float32))
        exact = s.allowed.sum(1) == 1
        rows.append(
            pd.DataFrame(
                {
                    "type": types["name"].to_numpy(str)[s.allowed.argmax(1)],
                    "answer": found["type"],
                    "ok": right(found["type"].to_numpy(str), s.allowed, types),
                }
            )[exact]
        )
    table = pd.concat(rows)
    wrong = lambda part: "; ".join(
        f"{k} {v / len(part):.0%}" for k, v in part.loc[~part["ok"], "answer"].value_counts().head(2).items()
    )
    return pd.DataFrame(
        {
            "type": name,
            "cells": len(part),
            "exactly": (part["answer"] == name).mean(),
            "right at either level": part["ok"].mean(),
            "otherwise": wrong(part),
        }
        for name, part in table.groupby("type", sort=False)
    )


def save(
    model: scellm.CellLM,
    head: Head,
    types: pd.DataFrame,
    calibrated: tuple[float, Annotator],
    known: list[Source],
    found: pd.DataFrame,
    folder: Path,
) -> None:
    """Save the head on its base, with its card."""
    temperature, annotator = calibrated
    model._take_head(annotator)
    write_head(model, SolvedHead(head.weight / temperature, head.bias / temperature, STRENGTH, temperature, {}, ""))
    mine = found[found["answer"] == NAME].set_index("source")
    table = pd.read_csv(LABELS, keep_default_na=False)
    model.save_pretrained(
        folder,
        head=True,
        base=BASE,
        name=NAME,
        licence=LICENCE,
        recipe={
            "strength": STRENGTH,
            "temperature": temperature,
            "most_cells_per_label": MOST,
        },
        data={
            "cells": sum(len(s.some) for s in known),
            "sources": [
                {
                    "name": s.name,
                    "cells": len(s.some),
                    "donors": sorted(set(s.adata.obs["donor"].astype(str)) - {"unknown"}),
                    "source": str(s.adata.uns.get("source", "")),
                    "licence": str(s.adata.uns.get("licence", "?")),
                }
                for s in known
            ],
        },
        labels=table[table["types"] != ""].to_dict("records"),
        metrics={
            f"{source}, {column}, left out": round(float(mine.loc[source, column]), 4)
            for source in mine.index
            for column in COLUMNS[1:]
        },
        note="Not for clinical use. Other species, and tissues other than those of the sources, were not judged.",
        citation="Zhao, Zhang and Nie 2023, arXiv:2306.04371 (the method); scellm (these weights)",
    )


def ship(work: Path) -> None:
    """Copy the head and its entry to the package, and the tables to the docs."""
    file = shutil.copyfile(work / NAME / WEIGHTS, PACKAGE / f"{NAME}.safetensors")
    card = scellm.CellLM.card(file)
    entry = {
        "file": file.name,
        "sha256": sha256(file),
        "size": file.stat().st_size,
        "types": len(card["types"]),
        "licence": LICENCE,
        "description": f"{BASE} with a head of {len(card['types'])} types: blood, bone marrow, immune cells of tissue.",
    }
    registry = PACKAGE / "weights.json"
    registry.write_text(json.dumps({**json.loads(registry.read_text()), NAME: entry}, indent=2) + "\n")
    for name in ("judged", "foreign", "by_type"):
        table = pd.read_csv(work / f"{name}.csv", keep_default_na=False)
        lines = [list(table.columns), ["---"] * table.shape[1]]
        lines += [
            [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row] for row in table.itertuples(index=False)
        ]
        (DOCS / f"_immune_{name}.md").write_text("".join(f"| {' | '.join(map(str, line))} |\n" for line in lines))


if __name__ == "__main__":
    main()

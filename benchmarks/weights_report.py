"""The shipped weights compared with simple features: every score of their model card.

    python benchmarks/weights_report.py [--name celllm-bag] [--work WORK] [--out FOLDER] [--docs FILE.md]
    make weights-report [NAME=celllm-bag] [WORK=...]

Embeddings are frozen, and logistic regression is trained on them (columns centred, all divided by one number). `WORK`
is the output folder of `scripts/pretrain.py`. With it, intermediate models are included: the model before pretraining
("PCA initialisation") and, of a model with attention blocks, the one after its first stage ("bag-of-genes model").
Other weights of the package stand beside these.
Embeddings and scores are stored in `--out`, and an interrupted run resumes from them.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from _data import SETS, markdown, read
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, normalize

import scellm
from scellm import bm
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, log_expression
from scellm.weights import find_weights, fingerprint, read_weights

OTHERS, LABELS, PCA50, IDF50 = ("celllm-mini",), "cell_type", "PCA-50", "idf PCA-50"
OPTIONS: dict[str, dict[str, Any]] = {'adapt="pca"': {"adapt": "pca"}, "smooth=10": {"smooth": 10}}
"""Options of `scellm.tl.embed` with which the judged weights are judged too. Like PCA, these look at all cells."""
STAGES = {"PCA initialisation": "pca_initialisation", "bag-of-genes model": "bag_of_genes"}
REFERENCES = (PCA50, IDF50, *OPTIONS, *OTHERS, *STAGES, "random init")
N_BOOT = 500
Methods = dict[str, Callable]


def main() -> None:
    """Compute embeddings, run the tasks, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="celllm-bag", help="the weights that are judged")
    parser.add_argument("--weights", help="a path of weights to judge under this name, before they are in the package")
    parser.add_argument("--work", type=Path, help="folder of scripts/pretrain.py")
    parser.add_argument("--out", type=Path, default=Path("weights-report"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--docs", type=Path, help="a Markdown file to write the tables to")
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True, parents=True)
    quiet()
    weights = args.weights or args.name
    models = make_models(args.name, weights, args.work)
    data = {name: with_embeddings(name, models, args.name, args.out) for name in SETS}
    slots = (*models, *OPTIONS, PCA50, IDF50)
    methods: Methods = {slot: (lambda slot=slot: EmbeddingLogisticRegression(slot)) for slot in slots}
    methods[f"{PCA50}, columns scaled"] = ScaledPCA
    methods["log expression"] = LogisticRegression
    key = short([*(fingerprint(m.module.state_dict()) for m in models.values()), *methods, args.seeds, N_BOOT])
    parts = Parallel(n_jobs=-1)(
        delayed(run)(t, methods, args.name, args.seeds, args.out / f"{file_name(t.name)} {key}.csv")
        for t in tasks(data, models[args.name])
    )
    stored = fingerprint(read_weights(find_weights(weights))[0])
    result = pd.concat(parts, ignore_index=True).assign(weights=stored)
    shapes = pd.DataFrame(
        {"set": name, "embedding": slot, **bm.geometry(adata.obsm[slot], types_of(adata))}
        for name, adata in data.items()
        for slot in slots
    )
    result.to_csv(args.out / "scores.csv", index=False, float_format="%.4f")
    shapes.to_csv(args.out / "geometry.csv", index=False, float_format="%.3f")
    found = tables(result, shapes, args.name)
    print("\n\n".join(f"{title}\n{table.to_string(index=False)}" for title, table in found.items()))
    if args.docs:
        args.docs.write_text("\n\n".join(f"**{title}**\n\n{markdown(table)}" for title, table in found.items()) + "\n")


def quiet() -> None:
    """Print tables only, without logs and warnings."""
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR


def make_models(name: str, weights: str, work: Path | None) -> dict[str, scellm.CellLM]:
    """The judged weights, others of the package, a model of the same shape with random weights, and the stages."""
    judged = scellm.CellLM.from_pretrained(weights)
    scellm.settings.seed = 0
    options = {k: v for k, v in judged.module.config.to_dict().items() if k != "n_genes"}
    models = {name: judged, "random init": scellm.CellLM.without_data(gene_embeddings="random", **options)}
    models |= {other: scellm.CellLM.from_pretrained(other) for other in OTHERS if other != name}
    if work is None:
        print("Without --work, the stages of pretraining are left out.")
        return models
    stages = {k: v for k, v in STAGES.items() if options["depth"] or v != "bag_of_genes"}
    return models | {k: scellm.CellLM.from_pretrained(work / v) for k, v in stages.items()}


def with_embeddings(name: str, models: dict[str, scellm.CellLM], judged: str, folder: Path) -> ad.AnnData:
    """An evaluation set with all embeddings in `obsm`."""
    adata = read(f"eval/{name}.h5ad")
    scellm.pp.prepare(adata)
    for slot, model in models.items():
        file = folder / f"{name} {slot} {fingerprint(model.module.state_dict())[:8]}.npy"
        if not file.exists():
            np.save(file, scellm.tl.embed(adata, model, copy=True).obsm["X_celllm"])
        adata.obsm[slot] = np.load(file)
    add_own(adata, models[judged])
    return adata


def add_own(adata: ad.AnnData, model: scellm.CellLM) -> None:
    """Add what is computed from all cells of the data set: components, and the embedding with each of `OPTIONS`."""
    x = log_expression(adata, np.arange(adata.n_obs))
    adata.obsm[PCA50], adata.obsm[IDF50] = components(x), components(idf_weighted(x))
    for slot, options in OPTIONS.items():
        scellm.tl.embed(adata, model, key_added="option", **options)
        adata.obsm[slot] = adata.obsm.pop("option")


def components(x: sp.csr_matrix) -> np.ndarray:
    """50 principal components."""
    return PCA(50, svd_solver="arpack", random_state=0).fit_transform(x)


def idf_weighted(x: sp.csr_matrix) -> sp.csr_matrix:
    """Genes weighted by the log of cells per cell that expresses them, each cell then scaled to length 1."""
    n, expressed = x.shape[0], np.bincount(x.indices, minlength=x.shape[1])
    idf = np.log((1 + n) / (1 + expressed)).astype(np.float32)
    return normalize(x @ sp.diags(idf)).tocsr()


class ScaledPCA(EmbeddingLogisticRegression):
    """PCA-50 with each column scaled to variance 1: an unfairly weak baseline, to show the effect of scaling."""

    def __init__(self) -> None:
        super().__init__(PCA50)
        self.model = make_pipeline(StandardScaler(), *[step for _, step in self.model.steps[1:]])


def types_of(adata: ad.AnnData) -> np.ndarray:
    """Types of the cells, "" for cells without a type."""
    return bm.Task("", adata, LABELS, bm.FewLabels()).types(adata)


def tasks(data: dict[str, ad.AnnData], model: scellm.CellLM) -> list[bm.Task]:
    """Tasks within each data set, across studies of the pancreas, and for tumour against normal tissue."""
    found = [bm.Task(f"{n}, {k} per type", a, LABELS, bm.FewLabels(k)) for k in (5, 10) for n, a in data.items()]
    found += [bm.Task(f"{n}, 80 %", a, LABELS, bm.Stratified(0.2)) for n, a in data.items()]
    both = pancreas_and_baron(data["pancreas_atlas"], data["pancreas_baron_h1"], model)
    for study in sorted(set(data["pancreas_atlas"].obs["dataset"])):
        three = both[both.obs["dataset"] != study].copy()
        atlas = data["pancreas_atlas"]
        found.append(bm.Task(f"pancreas, three studies to {study}", atlas, LABELS, bm.LeaveOut("dataset", [study])))
        found.append(bm.Task(f"pancreas, all but {study} to Baron", three, LABELS, bm.LeaveOut("dataset", ["Baron"])))
    crc = data["colorectal_tumor_normal"]
    return [*found, *(bm.Task(f"tumour or normal, {k} per class", crc, "origin", bm.FewLabels(k)) for k in (5, 50))]


def pancreas_and_baron(atlas: ad.AnnData, baron: ad.AnnData, model: scellm.CellLM) -> ad.AnnData:
    """Both data sets on common genes, with common names of types. What looks at all cells is computed again."""
    names = pd.read_csv(Path(__file__).parent / "pancreas_labels.csv")
    parts = []
    for adata, column in ((atlas, "pancreas_atlas"), (baron, "pancreas_baron_h1")):
        types = (
            adata.obs[LABELS].astype(str).map(dict(zip(names[column], names["type"], strict=True))).fillna("unknown")
        )
        study = adata.obs["dataset"].astype(str).to_numpy() if "dataset" in adata.obs else "Baron"
        obs = pd.DataFrame({LABELS: types.to_numpy(), "dataset": study}, index=adata.obs_names)
        parts.append(ad.AnnData(adata.X, obs, adata.var[[]], obsm=dict(adata.obsm)))
    both = ad.concat(parts, join="inner", index_unique="-")
    scellm.pp.prepare(both)
    add_own(both, model)
    return both


def short(of: list) -> str:
    """A short hash of everything that the scores depend on, so that scores of other weights are not used."""
    return hashlib.sha256(repr(of).encode()).hexdigest()[:8]


def file_name(task: str) -> str:
    """Name of a task without characters that file systems refuse."""
    return task.replace(" %", "").replace(",", "")


def run(task: bm.Task, methods: Methods, name: str, seeds: int, file: Path) -> pd.DataFrame:
    """Means, and differences of the judged weights to reference methods; read from the file if it exists."""
    quiet()
    if not file.exists():
        results = bm.run([task], methods, seeds=seeds)
        parts = [
            bm.summary(results, against=reference, n_boot=N_BOOT)
            for reference in REFERENCES
            if reference in methods and reference != name
        ]
        pd.concat(parts).query("against != ''").to_csv(file, index=False)
    return pd.read_csv(file)


def tables(result: pd.DataFrame, shapes: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    """Tables of means, verdicts and geometry."""
    result = result.assign(task=pd.Categorical(result["task"], dict.fromkeys(result["task"])))
    once = result.drop_duplicates(["task", "method"])
    means = once.pivot(index="task", columns="method", values="mean").round(3).reset_index()
    first = ["task", name, *OPTIONS, PCA50, IDF50, "log expression"]
    means = means[[*first, *(c for c in means.columns if c not in first)]]
    mine = result[result["method"] == name]
    say = lambda r: f"{r['difference']:+.3f} [{r['low']:+.3f}, {r['high']:+.3f}] {r['verdict']}"
    verdicts = (
        mine.assign(shown=mine.apply(say, axis=1)).pivot(index="task", columns="against", values="shown").reset_index()
    )
    return {
        f"{name} minus the others, over all tasks: difference, 95 % interval of a bootstrap over tasks": over_tasks(
            means.drop(columns="task"), name
        ),
        "Macro-F1, mean of five seeds": means,
        f"{name} minus the others: difference, 95 % interval of a paired bootstrap, verdict": verdicts,
        "Shape of the embeddings": shapes.round(3),
    }


def over_tasks(means: pd.DataFrame, name: str) -> pd.DataFrame:
    """The mean difference over tasks, with an interval for tasks of this kind."""
    differences = -means.drop(columns=name).sub(means[name], axis=0)  # (tasks, methods)
    drawn = np.random.default_rng(0).integers(len(means), size=(10_000, len(means)))
    low, high = np.quantile(differences.to_numpy()[drawn].mean(1), (0.025, 0.975), axis=0)
    show = [f"{d:+.3f} [{a:+.3f}, {b:+.3f}]" for d, a, b in zip(differences.mean(), low, high, strict=True)]
    return pd.DataFrame({"method": differences.columns, f"{name} minus it": show})


if __name__ == "__main__":
    main()

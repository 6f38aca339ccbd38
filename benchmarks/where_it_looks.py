"""Do attention and contributions find the genes that an answer depends on, compared with expression?

    python benchmarks/where_it_looks.py [--cells 100] [--sets pbmc3k ...] [--docs]

**Deletion**: a head is trained on some cells of a set. Of other cells, the k genes that a ranking puts first are taken
out, and the probability of the type that was predicted before is computed again: the lower, the better the ranking
found what the answer depends on. Rankings: contributions (integrated gradients), attention of [CLS] (celllm-mini), the
cell's own expression, differential expression of the predicted type among the training cells (Wilcoxon), and chance.

**Clustering** (the paper's appendix C): cells are clustered by the log expression of 20 genes, those with most
attention or those with most expression, and compared with tumour or normal by the adjusted Rand index. The paper has
.203 and .065.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import scipy.sparse as sp
import torch
from _data import DATA, markdown, read, some_labelled
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import scellm
from scellm._tokens import Tokens
from scellm.baselines import log_expression
from scellm.data._prepared import stored_bins
from scellm.model._attention_of_cls import attention_of_cls
from scellm.model._contributions import contributions

LABELS, TRAIN, STEPS = "cell_type", 800, 10
SETS = ("pbmc3k", "pancreas_baron_h1", "pbmc_sorted_zheng3500")
WEIGHTS = ("celllm-bag", "celllm-mini")
DELETED = (0, 5, 10, 20, 50, 100)
PAGE = Path(__file__).parents[1] / "docs/user_guide/_where_it_looks.md"


def main() -> None:
    """Run both tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    if args.docs and (args.sets != list(SETS) or args.cells < 100):
        parser.error("--docs needs all sets and 100 cells or more: the page would be incomplete.")
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    if not (DATA / "eval").exists():
        print("This needs the evaluation sets: set SCELLM_TEST_DATA to the folder that holds eval/.")
        return
    curves = [curve for name in args.sets for weights in WEIGHTS for curve in deletion(name, weights, args.cells)]
    text = pages(pd.DataFrame(curves)) + "\n" + markdown(clustering(4 * args.cells))
    print(text)
    if args.docs:
        PAGE.write_text(text, encoding="utf-8")


def deletion(name: str, weights: str, cells: int) -> list[dict[str, Any]]:
    """For each ranking and number of genes, what is left of the probability, and the interval of its mean."""
    adata = read(f"eval/{name}.h5ad")
    adata = adata[some_labelled(adata, LABELS, TRAIN + cells)].copy()
    order = np.random.default_rng(0).permutation(adata.n_obs)
    train, test = adata[order[:TRAIN]].copy(), adata[order[TRAIN:]].copy()
    scellm.pp.prepare(train)
    scellm.CellLM.setup_anndata(train, labels_key=LABELS)
    model = scellm.CellLM.from_pretrained(weights, train)
    model.train(enable_progress_bar=False)
    scellm.pp.prepare(test)
    before = model.predict(test, soft=True).to_numpy()
    types = before.argmax(1)
    ranked = rankings(model, train, test, types)
    found = []
    for ranking, values in ranked.items():
        left = {k: probability(model, test, values, k, types) for k in DELETED}
        mean = np.mean([left[k] for k in DELETED[1:]], axis=0)  # (cells,)
        draws = np.random.default_rng(0).integers(0, len(mean), (1000, len(mean)))
        low, high = np.quantile(mean[draws].mean(1), [0.025, 0.975])
        row = {"set": name, "weights": weights, "ranking": ranking}
        row |= {str(k): float(left[k].mean()) for k in DELETED}
        found.append(row | {"mean": float(mean.mean()), "low": low, "high": high})
        print(pd.DataFrame(found[-1:]).round(3).to_string(index=False, header=False), flush=True)
    return found


def rankings(model: scellm.CellLM, train: ad.AnnData, test: ad.AnnData, types: np.ndarray) -> dict[str, sp.csr_matrix]:
    """For each way to rank, a value for every expressed gene of every cell, in the columns of the bins."""
    bins, ids = stored_bins(test)
    like = lambda data: sp.csr_matrix((np.asarray(data, float), bins.indices, bins.indptr), shape=bins.shape)
    cell = np.repeat(np.arange(test.n_obs), np.diff(bins.indptr))
    expression = log_expression(test, np.arange(test.n_obs))
    scores = differential(train, model._types())[types][cell, ids[bins.indices]]
    found = {
        "contributions": contributions(model, test, types, STEPS)[0],
        "expression of the cell": like(np.asarray(expression[cell, ids[bins.indices]]).ravel()),
        "differential expression": like(np.asarray(scores).ravel()),
        "chance": like(np.random.default_rng(0).random(bins.nnz)),
    }
    if model.module.config.depth:
        found["attention"] = attention_of_cls(model, test)
    return found


def differential(train: ad.AnnData, types: list[str]) -> np.ndarray:
    """Wilcoxon score of each gene of the vocabulary for each type against the rest, (types, genes)."""
    x = log_expression(train, np.arange(train.n_obs))
    obs = pd.DataFrame({LABELS: train.obs[LABELS].astype(str).to_numpy()}, index=train.obs_names)
    data = ad.AnnData(x, obs=obs.astype("category"))
    counts = data.obs[LABELS].value_counts()
    sc.tl.rank_genes_groups(data, LABELS, groups=[t for t in types if counts.get(t, 0) > 1], method="wilcoxon")
    scores = np.zeros((len(types), x.shape[1]))
    for i, name in enumerate(types):
        if name in data.uns["rank_genes_groups"]["names"].dtype.names:
            genes = data.uns["rank_genes_groups"]["names"][name].astype(int)
            scores[i, genes] = data.uns["rank_genes_groups"]["scores"][name]
    return scores


@torch.no_grad()
def probability(
    model: scellm.CellLM, adata: ad.AnnData, values: sp.csr_matrix, k: int, types: np.ndarray
) -> np.ndarray:
    """Probability of the type of each cell without its k genes of the highest value, (cells,)."""
    bins, ids = stored_bins(adata)
    cell = np.repeat(np.arange(adata.n_obs), np.diff(bins.indptr))
    value = np.asarray(values[cell, bins.indices]).ravel()
    rank = pd.DataFrame({"cell": cell, "value": value}).groupby("cell")["value"].rank(method="first", ascending=False)
    kept = rank.to_numpy() > k
    offsets = np.concatenate([[0], np.bincount(cell[kept], minlength=adata.n_obs).cumsum()])
    tokens = Tokens(
        torch.from_numpy(ids[bins.indices[kept]].astype(np.int64)),
        torch.from_numpy(bins.data[kept].astype(np.int64) - 1),
        torch.from_numpy(offsets.astype(np.int64)),
    )
    logits = model.module.eval().type_logits(model.module.embed(tokens))
    return logits.softmax(1).numpy()[np.arange(adata.n_obs), types]


def clustering(cells: int) -> pd.DataFrame:
    """Adjusted Rand index of clusters by 20 genes with tumour or normal."""
    adata = read("eval/colorectal_tumor_normal.h5ad")
    adata.obs_names_make_unique()
    adata = adata[np.sort(np.random.default_rng(0).permutation(adata.n_obs)[:cells])].copy()
    scellm.tl.attention(adata, "celllm-mini")
    x = adata.X.copy()
    data = ad.AnnData(sp.csr_matrix(x, dtype=np.float32), obs=adata.obs[["origin"]].astype("category"), var=adata.var)
    sc.pp.normalize_total(data, target_sum=1e4)
    sc.pp.log1p(data)
    attended = np.asarray(adata.layers["celllm_attention"].mean(axis=0)).ravel()
    expressed = np.asarray(data.X.mean(axis=0)).ravel()
    sc.tl.rank_genes_groups(data, "origin", method="wilcoxon")
    differ = [data.var_names.get_loc(g) for g in data.uns["rank_genes_groups"]["names"]["tumor"][:20]]
    top = lambda values: np.argsort(-values, kind="stable")[:20]
    chosen = {
        "most attention": top(attended),
        "most expression": top(expressed),
        "most attention beside expression": top(attended / np.maximum(expressed, 1e-3) * (expressed > 0.05)),
        "differential expression (knows the answer)": np.array(differ),
        "chance": np.random.default_rng(0).permutation(np.flatnonzero(expressed > 0.05))[:20],
    }
    rows = []
    for name, genes in chosen.items():
        groups = KMeans(2, n_init=20, random_state=0).fit_predict(data.X[:, genes].toarray())
        shared = len(set(genes) & set(chosen["most expression"]))
        ari = float(adjusted_rand_score(data.obs["origin"], groups))
        first = ", ".join(data.var_names[genes[:3]])
        rows.append({"20 genes": name, "ARI": ari, "shared with most expression": shared, "first three": first})
    return pd.DataFrame(rows)


def pages(curves: pd.DataFrame) -> str:
    """The curves, and their means over sets."""
    mean = curves.groupby(["weights", "ranking"], sort=False)[[*map(str, DELETED), "mean"]].mean().reset_index()
    curves["interval"] = [f"[{a:.3f}, {b:.3f}]" for a, b in zip(curves["low"], curves["high"], strict=True)]
    shown = curves.drop(columns=["low", "high"])
    return f"Mean over sets:\n\n{markdown(mean)}\nAll:\n\n{markdown(shown)}"


if __name__ == "__main__":
    main()

"""GraphMAE's gene embeddings and simpler ones: held-out edges, gene families, masked expression; three seeds each.

    python benchmarks/gene_embeddings.py edges [backend]       # needs gensim beside scellm[graph] or scellm[dgl]
    python benchmarks/gene_embeddings.py masked [steps]

`edges`: a tenth of the pairs of the network is held out, and embeddings are learned from the rest. The score is the AUC
with which the cosine similarity separates held-out pairs from as many gene pairs that are not in the network. These are
drawn uniformly, or by shuffling the ends of the held-out pairs, so that well-connected genes are equally frequent in
both groups. A family consists of genes whose HGNC names differ only in the last number or letter ("keratin 5"), or that
share the name before "subunit". The score is the AUC for pairs within and across families, also without the pairs of
the network.

`masked`: `mini` is pretrained briefly on corpus cells with the masked objective only, once for each table of gene
embeddings. The score is the loss on held-out corpus cells, with the same masks for all tables.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import warnings

import numpy as np
import pandas as pd
from _data import DATA, table
from sklearn.metrics import roc_auc_score

import scellm
from scellm.train import graphmae

DIM, SEEDS, MIN_SCORE = 128, (0, 1, 2), 700


def network(min_score: float = MIN_SCORE) -> graphmae.Network:
    return graphmae.read_network(DATA / "network/string_v11_actions.csv.gz", min_score=min_score)


# --- methods: from a network and a seed to embeddings (n, DIM)
def by_graphmae(net: graphmae.Network, seed: int, **options) -> np.ndarray:
    options = {"backend": "pyg", "dim": DIM, "progress_bar": False} | options
    return graphmae.train(net, seed=seed, **options).loc[net.symbols].to_numpy()


def by_svd(net: graphmae.Network, seed: int) -> np.ndarray:
    return graphmae.spectral_features(net, DIM, seed=seed)[:, :DIM]


def by_node2vec(net: graphmae.Network, seed: int, walks: int = 10, length: int = 80) -> np.ndarray:
    """node2vec with p = q = 1: uniform walks, then skip-gram with negative samples (gensim)."""
    from gensim.models import Word2Vec

    rng = np.random.default_rng(seed)
    adjacency = net.adjacency().tocsr()
    degree = np.diff(adjacency.indptr)
    at = np.tile(rng.permutation(len(net.genes)), walks)
    steps = [at]
    for _ in range(length - 1):
        pick = adjacency.indptr[at] + (rng.random(len(at)) * degree[at]).astype(int)
        at = np.where(degree[at] > 0, adjacency.indices[np.minimum(pick, adjacency.nnz - 1)], at)
        steps.append(at)
    sentences = np.stack(steps, 1).astype(str).tolist()
    model = Word2Vec(sentences, vector_size=DIM, window=10, min_count=0, sg=1, workers=1, epochs=1, seed=seed)
    return model.wv[[str(i) for i in range(len(net.genes))]]


def at_random(net: graphmae.Network, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(len(net.genes), DIM))


# --- (a) and (b)
def hold_out(net: graphmae.Network, seed: int, share: float = 0.1) -> tuple[graphmae.Network, np.ndarray]:
    """Split the pairs of a network: the network without a share of them, and that share."""
    order = np.random.default_rng(seed).permutation(net.pairs.shape[1])
    n = round(share * len(order))
    return graphmae.Network(net.genes, net.pairs[:, np.sort(order[n:])]), net.pairs[:, order[:n]]


def no_pairs(net: graphmae.Network, pairs: np.ndarray) -> np.ndarray:
    """The given pairs that are not in the network."""
    n = len(net.genes)
    code = lambda p: np.sort(p, 0)[0] * n + np.sort(p, 0)[1]
    return pairs[:, (pairs[0] != pairs[1]) & ~np.isin(code(pairs), code(net.pairs))]


def auc(vectors: np.ndarray, yes: np.ndarray, no: np.ndarray) -> float:
    """AUC of the cosine. Embeddings are centred first, because a shared direction has no information about pairs."""
    v = vectors - vectors.mean(0)
    v /= np.linalg.norm(v, axis=1, keepdims=True) + 1e-12
    both = np.concatenate([yes, no], axis=1)
    return float(roc_auc_score(np.arange(both.shape[1]) < yes.shape[1], (v[both[0]] * v[both[1]]).sum(1)))


def family(name: str) -> str:
    """Family name of a gene: its name without the number within the family; empty if there is no such number."""
    if " subunit" in name:
        return name.split(" subunit")[0]
    short = re.sub(
        r"( (member|type|class|group|protein [LS]))? ([A-Z]?\d+[A-Z]?\d*|[A-Z]|alpha|beta|gamma|delta)$", "", name
    )
    return short if short != name else ""


def families(net: graphmae.Network) -> np.ndarray:
    """Number of each gene's family, if it has 3 to 100 genes in the network; otherwise -1."""
    hgnc = pd.read_csv(DATA / "genes/hgnc_2020.tsv.gz", sep="\t", usecols=["symbol", "name"]).set_index("symbol")[
        "name"
    ]
    named = pd.Series([family(hgnc.get(s, "")) for s in net.symbols])
    size = named.map(named.value_counts())
    return pd.factorize(named.where((named != "") & size.between(3, 100)))[0]


def family_pairs(group: np.ndarray, seed: int, n: int = 50_000) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of genes within families, and across families."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(group >= 0)
    members = {g: np.flatnonzero(group == g) for g in np.unique(group[rows])}
    within = [np.stack(np.triu_indices(len(m), 1)) for m in members.values()]
    within = np.concatenate([m[p] for m, p in zip(members.values(), within, strict=True)], axis=1)
    across = rng.choice(rows, (2, n))
    return within, across[:, group[across[0]] != group[across[1]]]


def score(
    vectors: np.ndarray, net: graphmae.Network, held: np.ndarray, group: np.ndarray, seed: int
) -> dict[str, float]:
    rng = np.random.default_rng(100 + seed)
    evenly = no_pairs(net, rng.integers(len(net.genes), size=held.shape))
    shuffled = no_pairs(net, np.stack([held[0], rng.permutation(held[1])]))
    within, across = family_pairs(group, seed)
    return {
        "edges, evenly": auc(vectors, held, evenly),
        "edges, by degree": auc(vectors, held, shuffled),
        "families": auc(vectors, within, across),
        "families, no pair": auc(vectors, no_pairs(net, within), no_pairs(net, across)),
    }


def edges(methods: dict, seeds=SEEDS, min_score: float = MIN_SCORE) -> pd.DataFrame:
    """One row per method and seed."""
    net = network(min_score)
    group = families(net)
    print(f"{net}; {(group >= 0).sum():,} genes in {group.max() + 1:,} families", flush=True)
    rows = []
    for seed in seeds:
        rest, held = hold_out(net, seed)
        for name, learn in methods.items():
            start = time.perf_counter()
            rows.append(
                {
                    "vectors": name,
                    "seed": seed,
                    **score(learn(rest, seed), net, held, group, seed),
                    "s": time.perf_counter() - start,
                }
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def report(found: pd.DataFrame, by: str) -> str:
    """Means over seeds, and differences to the first method seed by seed, both with 95 % intervals (Student's t)."""
    from scipy.stats import t

    metrics = [c for c in found.columns if c not in {by, "seed", "s"}]
    width = t.ppf(0.975, found["seed"].nunique() - 1)
    shown = lambda x: f"{x.mean():.3f} ± {width * x.sem():.3f}"
    wide = {m: found.pivot(index="seed", columns=by, values=m) for m in metrics}
    names = list(dict.fromkeys(found[by]))
    means = table([{by: n, **{m: shown(wide[m][n]) for m in metrics}} for n in names])
    more = table(
        [{f"more than {names[0]}": n, **{m: shown(wide[m][n] - wide[m][names[0]]) for m in metrics}} for n in names[1:]]
    )
    return f"{means}\n{more}"


# --- (c)
def masked_loss(model: scellm.CellLM, adata, rows: np.ndarray) -> float:
    """Mean cross-entropy of masked bins, with the same masks for every model."""
    import torch

    from scellm.data import Tokens
    from scellm.train import mask
    from scellm.train import masked_loss as summed_loss

    module = model.module.eval()
    generator = torch.Generator().manual_seed(0)
    encoder, head = module.cell_encoder, module.heads["masked"]
    total, n_masked = 0.0, 0
    with torch.inference_mode():
        for batch in model._make_data_loader(adata=adata, indices=rows, batch_size=32):
            tokens = mask(Tokens.of(batch), module.config.n_bins + 1, generator)
            for chunk in tokens.cut(8192, encoder.encoder.max_padding):
                cells = encoder.pad(tokens.select(chunk))
                total += summed_loss(head, encoder.encoder(cells), cells).item()
                n_masked += int((cells.target >= 0).sum())
    return total / n_masked


def masked(steps: int, tables: dict, cells: int = 4000, seeds=SEEDS) -> pd.DataFrame:
    """One row per table of gene embeddings and seed."""
    from pretraining import corpus

    adata = corpus(share=0.08, longest=500)
    scellm.CellLM.setup_anndata(adata)
    order = np.random.default_rng(0).permutation(adata.n_obs)
    held_out, learned = order[:400], order[400 : 400 + cells]
    print(f"{len(learned):,} training cells, {len(held_out)} held out, {steps} steps of 64", flush=True)
    rows = []
    for seed in seeds:
        for name, (vectors, train_genes) in tables.items():
            scellm.settings.seed = seed
            start = time.perf_counter()
            model = scellm.CellLM(adata, gene_embeddings=vectors, train_genes=train_genes)
            model.pretrain(
                objectives=("masked",),
                contrast=None,
                indices=learned,
                batch_size=64,
                max_steps=steps,
                lr=1e-3,
                precision="bf16-mixed",
                accelerator="cpu",
                enable_progress_bar=False,
            )
            taken = time.perf_counter() - start
            rows.append(
                {"gene vectors": name, "seed": seed, "masked loss": masked_loss(model, adata, held_out), "s": taken}
            )
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def frame(net: graphmae.Network, vectors: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(vectors, index=net.symbols)


def main(what: str, *given: str) -> None:
    if what == "edges":
        backend = given[0] if given else "pyg"
        methods = {
            "GraphMAE": lambda net, seed: by_graphmae(net, seed, backend=backend),
            "GraphMAE, spectral features": lambda net, seed: by_graphmae(net, seed, backend=backend, features="svd"),
            "SVD": by_svd,
            "node2vec": by_node2vec,
            "random": at_random,
        }
        print(report(edges(methods), "vectors"))
        return
    net = network()
    bundled = scellm.genes.load_string_vectors()
    tables = {
        "GraphMAE, fixed": (bundled, False),
        "GraphMAE, learning": (bundled, True),
        "SVD, fixed": (frame(net, by_svd(net, 0)), False),
        "random, fixed": ("random", False),
        "random, learning": ("random", True),
    }
    print(report(masked(int(given[0]) if given else 100, tables), "gene vectors"))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    main(*(sys.argv[1:] or ["edges"]))

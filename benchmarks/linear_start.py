"""How a cell embedding should be initialised: linear maps of binned expression, evaluated on other tissues.

    python benchmarks/linear_start.py DATA/corpus WORK

Heart nuclei, two tumours, cancer cell lines and brain nuclei are held out; components come from 12,000 cells of the
other sources, drawn by the square root of their size. Macro-F1 of logistic regression with 5 labelled cells per type,
three seeds. "full" keeps all genes: what hashed features would reach if they were as wide as the vocabulary.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from _data import corpus_of, few_labels, markdown, some_labelled
from scipy.sparse import csr_array, diags_array, hstack
from sklearn.decomposition import PCA

import scellm
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.data._prepared import gene_ids
from scellm.genes import load_vocabulary
from scellm.pp import Binning

HELD = (
    "heart_san_nuclei",
    "ovarian_tumor_qian2020",
    "mbc_liver_htan",
    "lung_cancer_lines_mixology",
    "brain_nuclei_habib2017",
)
ROWS: list[dict] = []
LABELS, CELLS, N_GENES = "cell_type", 600, len(load_vocabulary())


def main() -> None:
    """Evaluate one map after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--docs", type=Path, help="a Markdown file to write the table to")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    files = [p for p in sorted(args.source.glob("*.h5ad")) if p.stem not in HELD]
    corpus = corpus_of(files, args.work / "linear_start_corpus")
    rows = corpus.sample(12_000)
    tokens = corpus.tokens(rows, Binning())
    parts = (tokens.bin.numpy() + 1.0, tokens.gene.numpy(), tokens.offsets.numpy())
    cells = csr_array(parts, shape=(len(rows), N_GENES))
    share = np.bincount(cells.indices, minlength=N_GENES) / len(rows)
    sets = {name: held_out(args.source / f"{name}.h5ad") for name in HELD}
    show("PCA-50 of the evaluated cells", few_labels(sets, LABELS, PCALogisticRegression))
    show("log expression", few_labels(sets, LABELS, LogisticRegression))
    for power in (1, 2, 3):
        idf = np.log((1 + 1e-3) / (share + 1e-3)) + 1e-3
        components = PCA(256, svd_solver="arpack", random_state=0).fit(unit(cells, power, idf)).components_
        show(f"power {power}, full", embedded(sets, lambda x, p=power, w=idf: unit(x, p, w)))
        for n in (50, 128, 256):
            show(
                f"power {power}, {n} components",
                embedded(sets, lambda x, p=power, w=idf, c=components[:n]: unit(x, p, w) @ c.T),
            )
        for width in (384, 896, 1920, 3968) if power == 2 else ():
            for size, rare in ((0.7, 0.03), (0.7, 0.1), (1.0, 0.03), (0.7, np.inf)):
                hashed = count_sketch(width, size / (1 + share / rare))
                both = lambda x, p=power, w=idf, c=components[:128], s=hashed: hstack(
                    [csr_array(unit(x, p, w) @ c.T), unit(x, p, w) @ s]
                )
                show(
                    f"power 2, 128 components, {width} hashed dimensions, weight {size} / (1 + p / {rare})",
                    embedded(sets, both),
                )

    if args.docs:
        args.docs.write_text(markdown(pd.DataFrame(ROWS)))


def held_out(path: Path) -> ad.AnnData:
    """Labelled cells of a held-out source."""
    adata = ad.read_h5ad(path)
    adata = adata[some_labelled(adata, LABELS, CELLS)].copy()
    scellm.pp.prepare(adata)
    return adata


def on_vocabulary(adata: ad.AnnData) -> csr_array:
    """The matrix of bins + 1, cells by genes of the vocabulary."""
    bins = csr_array(adata.layers["celllm_bins"])
    return csr_array(
        (bins.data.astype(float), gene_ids(adata)[bins.indices], bins.indptr), shape=(adata.n_obs, N_GENES)
    )


def unit(x: csr_array, power: float, weight: np.ndarray) -> csr_array:
    """Powers of the bins, weighted by gene; each cell is scaled to length 1."""
    y = csr_array((x.data**power, x.indices, x.indptr), shape=x.shape) @ diags_array(weight)
    return csr_array(diags_array(1 / np.sqrt(y.multiply(y).sum(1))) @ y)


def count_sketch(width: int, weight: np.ndarray) -> csr_array:
    """A count sketch: each gene has one index, a sign and a weight; (genes, width)."""
    rng = np.random.default_rng(0)
    place, sign = rng.integers(width, size=N_GENES), rng.choice([-1.0, 1.0], N_GENES)
    return csr_array((sign * weight, (np.arange(N_GENES), place)), shape=(N_GENES, width))


def embedded(sets: dict[str, ad.AnnData], embed) -> dict[str, float]:
    """Scores of the embeddings that a map gives."""
    for adata in sets.values():
        z = embed(on_vocabulary(adata))
        adata.obsm["map"] = z.toarray() if hasattr(z, "toarray") else np.asarray(z)
    return few_labels(sets, LABELS, lambda: EmbeddingLogisticRegression("map"))


def show(name: str, scores: dict[str, float]) -> None:
    """Store and print the scores of one map."""
    ROWS.append({"map": name, "mean": float(np.mean(list(scores.values()))), **scores})
    print(f"{name:64}", " ".join(f"{v:.3f}" for v in list(ROWS[-1].values())[1:]), flush=True)


if __name__ == "__main__":
    main()

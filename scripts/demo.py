"""The whole workflow in under a minute: 700 real blood cells, from expression to cell types and a UMAP.

    python scripts/demo.py [folder]

scanpy's pbmc68k_reduced (Zheng et al. 2017): 765 genes, scaled values in X, log-normalised ones in raw, no counts
anywhere.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import scanpy as sc
from anndata import AnnData
from matplotlib.figure import Figure
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split

import scellm

LABELS = "bulk_labels"


def draw(adata: AnnData, test: Sequence[int]) -> Figure:
    """Known and predicted types in the same colours; held-out cells have a black edge, all others are known."""
    types = list(adata.obs["celllm_type"].cat.categories)
    colours = dict(zip(types, sc.pl.palettes.default_20, strict=False))
    at = adata.obsm["X_umap"]
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharex=True, sharey=True)
    for ax, key, title in zip(axes, (LABELS, "celllm_type"), ("known types", "predicted types"), strict=True):
        names = adata.obs[key].astype(str)
        ax.scatter(*at.T, s=9, c=names.map(colours), linewidths=0)
        held_out = list(test)
        ax.scatter(*at[held_out].T, s=20, c=names.iloc[held_out].map(colours), linewidths=0.7, edgecolors="black")
        ax.set(title=f"{title} (edge: held out)", xticks=[], yticks=[])
    handles = [plt.Line2D([], [], marker="o", ls="", color=colours[t], label=t) for t in types]
    figure.legend(handles=handles, loc="center left", bbox_to_anchor=(0.9, 0.5), frameon=False, fontsize=8)
    return figure


def main(folder: Path) -> None:
    """Prepare, load weights, learn from 80 %, predict the other 20 %, compare, draw, save."""
    start = time.perf_counter()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # hides its hardware banner and its tips
    warnings.filterwarnings("ignore", category=FutureWarning)  # those of scanpy and anndata
    scellm.settings.seed = 0
    folder.mkdir(parents=True, exist_ok=True)

    print("1. Read 700 blood cells (scanpy's pbmc68k_reduced) and find their expression")
    adata = sc.datasets.pbmc68k_reduced()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # 765 genes, and no counts: nothing better exists in this object
        scellm.pp.prepare(adata, panel=True)
    print(scellm.pp.inspect(adata).matrices[["holds", "read", "verdict"]])
    scellm.CellLM.setup_anndata(adata, labels_key=LABELS)
    train, test = train_test_split(range(adata.n_obs), test_size=0.2, stratify=adata.obs[LABELS], random_state=0)

    print("\n2. Load pretrained weights, which come with the package")
    model = scellm.CellLM.from_pretrained("celllm-bag", adata)
    scellm.tl.embed(adata, model)
    frozen = scellm.baselines.EmbeddingLogisticRegression("X_celllm").fit(adata, LABELS, indices=train)
    predicted = {"frozen embedding": frozen.predict(adata, indices=test)}

    print("\n3. Learn the types of 560 cells")
    model.train(indices=train)

    print("\n4. Predict the 140 cells held out, beside logistic regression on three kinds of features")
    scellm.tl.annotate(adata, model)
    baseline = scellm.baselines.LogisticRegression().fit(adata, LABELS, indices=train)
    components = scellm.baselines.PCALogisticRegression().fit(adata, LABELS, indices=train)
    known = adata.obs[LABELS].astype(str).to_numpy()[test]
    predicted |= {
        "scellm": adata.obs["celllm_type"].astype(str).to_numpy()[test],
        "log expression": baseline.predict(adata, indices=test),
        "PCA-50": components.predict(adata, indices=test),
    }
    print(f"{'':22}accuracy  macro-F1")
    for name, types in predicted.items():
        print(f"{name:22}{accuracy_score(known, types):8.3f}  {f1_score(known, types, average='macro'):8.3f}")

    print("\n5. Draw and save")
    sc.pp.neighbors(adata, use_rep="X_celllm")
    sc.tl.umap(adata)
    figure = draw(adata, test)
    figure.savefig(folder / "umap.png", dpi=120, bbox_inches="tight")
    adata.write_h5ad(folder / "pbmc68k_celllm.h5ad")
    model.save(str(folder / "model"), overwrite=True)
    print(f"   {folder / 'umap.png'}\n   {folder / 'pbmc68k_celllm.h5ad'}\n   {folder / 'model'}")
    print(
        f"\nDone in {time.perf_counter() - start:.0f} s. For the scores and limits of the weights, see the page "
        "Weights."
    )
    print(
        "Next: tutorials/01_quickstart.ipynb, or your own counts: adata = sc.read_h5ad('my_counts.h5ad'); "
        "scellm.pp.prepare(adata)"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "scellm-demo"))

"""How far labelled and other cells lie apart, in random splits and between donors and assays, on sources of the corpus.

    python benchmarks/other_studies.py [--sets heart_san_nuclei ...]

The limit from which `train` lets the embedding alone answer (`scellm.model._separation.MIXED`) was set on such a table.
It also gives macro-F1 of both heads. Sources with labels of two types or more; 5,000 cells at most; half an hour.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _data import DATA, markdown
from annotation import PROTOCOLS
from sklearn.metrics import f1_score

import scellm
from scellm.model import _solve_types
from scellm.model._separation import separation

SETS = {
    "brain_nuclei_habib2017": None,
    "heart_san_nuclei": None,
    "lung_cancer_lines_mixology": "batch",
    "ovarian_tumor_qian2020": "donor",
}


def splits(adata: ad.AnnData, batch: str | None) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, labelled cells and cells to predict."""
    types = adata.obs["cell_type"].to_numpy(str)
    for name, split in PROTOCOLS.items():
        yield (name, *split(types, adata.obs, np.random.default_rng(1)))
    named = np.isin(types, np.unique(types)[::2])
    half = named & (np.random.default_rng(3).random(len(types)) < 0.5)
    yield "half of half the types", np.flatnonzero(half), np.flatnonzero(named & ~half)
    if batch is not None:
        of = adata.obs[batch].to_numpy(str)
        for value in np.unique(of):
            yield f"all but {value}", np.flatnonzero(of != value), np.flatnonzero(of == value)
            yield f"only {value}", np.flatnonzero(of == value), np.flatnonzero(of != value)


def measured(adata: ad.AnnData, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Separation, and macro-F1 of both heads."""
    types = adata.obs["cell_type"].to_numpy(str)
    adata.obs["known"] = np.where(np.isin(np.arange(adata.n_obs), train), types, "Unknown")
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM.from_pretrained("celllm-bag", adata)
    model.train()
    z = model._embed(None, None, None)
    names = np.array(model._types())
    with torch.inference_mode():
        plain = names[model.module.type_logits(z).argmax(1).numpy()]
    own = names[model._own_head.logits(z.numpy(), np.arange(adata.n_obs)).argmax(1)]
    rng = np.random.default_rng(0)
    some, others = (rng.permutation(rows)[:2000] for rows in (train, np.setdiff1d(np.arange(adata.n_obs), train)))
    found = separation(model._own_head.components, some, types[some], others, own[others], 0)
    score = lambda y: f1_score(types[test], y[test], average="macro", labels=np.unique(types[test]), zero_division=0)
    return {"separation": found, "with components": score(own), "embedding": score(plain)}


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = 40
    _solve_types._of_one_study = lambda *_: True  # both heads are wanted, whatever the separation
    rows = []
    for name in args.sets:
        adata = ad.read_h5ad(DATA / f"corpus/{name}.h5ad")
        adata = adata[np.sort(np.random.default_rng(0).permutation(adata.n_obs)[:5000])].copy()
        count = adata.obs["cell_type"].astype(str).map(adata.obs["cell_type"].astype(str).value_counts())
        adata = adata[(count >= 12).to_numpy()].copy()
        scellm.pp.prepare(adata)
        for split, train, test in splits(adata, SETS[name]):
            if min(len(train), len(test)) > 20:
                rows.append({"set": name, "split": split, **measured(adata, train, test)})
                print(rows[-1], flush=True)
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()

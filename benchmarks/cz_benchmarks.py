"""Neutral harnesses: cz-benchmarks (label prediction, batch integration) and scib-metrics, on frozen embeddings.

    python3.11 -m venv ENV && ENV/bin/pip install -r benchmarks/peers/cz_benchmarks_requirements.txt
    python benchmarks/cz_benchmarks.py ENV/bin/python [--docs]

cz-benchmarks divides each column of an embedding by its standard deviation. The last dimensions of `celllm-bag` are a
count sketch, whose columns must keep their relative sizes, and so must principal components. Both ways are reported:
its own, and its tasks without the scaling.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import tempfile
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from _data import markdown, read, some_labelled
from peers import SCRIPTS, environment

import scellm
from scellm.baselines import GlobalScaler
from scellm.baselines._log_expression import log_expression
from scellm.baselines._pca import fit_components

SETS = {"pbmc3k": None, "pancreas_atlas": "dataset", "bmmc_neurips2021_5k": "site"}
"""Evaluation sets, and the column of their batches."""

DOCS = Path(__file__).parents[1] / "docs/user_guide/_cz_benchmarks.md"


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", type=Path, help="the interpreter of the environment")
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    found = []
    for name, batch_key in SETS.items():
        with tempfile.TemporaryDirectory() as folder:
            embeddings(name, batch_key, args.cells).write_h5ad(Path(folder) / "embeddings.h5ad")
            command = [str(args.python), str(SCRIPTS / "cz_benchmarks_peer.py"), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
            if done.returncode:
                msg = f"{' '.join(command)} failed:\n{done.stderr[-2000:]}"
                raise RuntimeError(msg)
            scores = pd.read_csv(Path(folder) / "scores.csv", index_col=0)
        found.append(scores.rename_axis("embedding").reset_index().assign(set=name))
        print(markdown(found[-1]), flush=True)
    text = tables(pd.concat(found))
    print(text)
    if args.docs:
        DOCS.write_text(text, encoding="utf-8")


def embeddings(name: str, batch_key: str | None, cells: int) -> ad.AnnData:
    """Embeddings of some cells of a set, with their types and batches."""
    adata = read(f"eval/{name}.h5ad")
    adata = adata[some_labelled(adata, "cell_type", cells)].copy()
    rows = np.arange(adata.n_obs)
    obs = pd.DataFrame(index=adata.obs_names)
    obs["label"] = adata.obs["cell_type"].astype(str)
    obs["batch"] = "" if batch_key is None else adata.obs[batch_key].astype(str)
    found = ad.AnnData(obs=obs)
    for weights in ("celllm-bag", "celllm-mini"):
        scellm.tl.embed(adata, weights, key_added=weights)
        found.obsm[weights] = GlobalScaler().fit_transform(adata.obsm[weights])
    found.obsm["PCA-50"] = GlobalScaler().fit_transform(
        fit_components(adata, 50).transform(log_expression(adata, rows))
    )
    return found


def tables(scores: pd.DataFrame) -> str:
    """Label prediction in both ways, and integration."""
    names = ["set", "embedding"]
    labels = [c for c in scores if c.endswith(("columns scaled", "as it is"))]
    mixing = [c for c in scores if c.startswith(("cz ", "scib "))]
    with_batches = scores.dropna(subset=mixing)
    parts = ["Label prediction, macro-F1, means of five folds:\n", markdown(scores[names + labels])]
    parts += ["Batch integration:\n", markdown(with_batches[names + mixing])]
    return "\n".join(parts)


if __name__ == "__main__":
    main()

"""Make the gene embeddings of the package, from STRING v11's table of actions.

    python scripts/build_gene_vectors.py ../shared/data/network/string_v11_actions.csv.gz [backend]

Writes `string_v11_graphmae.safetensors` (positions of genes in the vocabulary, and float16 embeddings) and a JSON card
next to it. The settings are the best ones of `benchmarks/gene_embeddings.py`. On a CPU, "dgl" takes minutes and "pyg"
several times as long.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import scellm
from scellm.genes._string_vectors import NAME
from scellm.train import graphmae

OUT = Path(__file__).parents[1] / "src/scellm/genes"
OPTIONS = {"seed": 0, "min_score": 700}


def main(source: Path, backend: str) -> None:
    """Learn the embeddings, and write the file and its card."""
    vectors = graphmae.train(source, backend=backend, **OPTIONS)
    there = vectors.notna().all(axis=1).to_numpy()
    path = OUT / f"{NAME}.safetensors"
    save_file({"genes": np.flatnonzero(there).astype(np.int32), "vectors": vectors[there].to_numpy(np.float16)}, path)
    vocabulary = scellm.genes.load_vocabulary()
    made = vectors.attrs["graphmae"]
    card = {
        "source": "STRING v11, table of actions, human, best score of each pair "
        "(Szklarczyk et al. 2019, doi:10.1093/nar/gky1131)",
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "licence": "CC BY 4.0",
        "method": "GraphMAE (Hou et al. 2022, arXiv:2205.10803)",
        "made_by": "scripts/build_gene_vectors.py",
        "scellm": scellm.__version__,
        "vocabulary": vocabulary.version,
        "vocabulary_sha256": vocabulary.sha256,
        "vectors_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "min_score": OPTIONS["min_score"],
        **{k: made[k] for k in ("config", "features", "seed", "backend", "network")},
        "epochs": len(made["history"]["train_loss"]),
        "last_train_loss": made["history"]["train_loss"][-1],
    }
    (OUT / f"{NAME}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"{path.name}: {there.sum():,} genes, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    scellm.settings.verbosity = logging.INFO
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "pyg")

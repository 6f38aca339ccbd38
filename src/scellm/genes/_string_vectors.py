"""The gene embeddings included in the package."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pandas as pd
from safetensors.numpy import load

from scellm._assets import read_asset
from scellm.genes._vocabulary import load_vocabulary

NAME = "string_v11_graphmae"


@cache
def _read() -> tuple[pd.DataFrame, dict[str, Any]]:
    card = json.loads(read_asset("scellm.genes", f"{NAME}.json"))
    arrays = load(read_asset("scellm.genes", f"{NAME}.safetensors"))
    vocabulary = load_vocabulary()
    if card["vocabulary_sha256"] != vocabulary.sha256:
        msg = (
            f"The bundled gene embeddings were made for vocabulary {card['vocabulary']}, and this is "
            f"{vocabulary.version}. Reinstall scellm."
        )
        raise RuntimeError(msg)
    table = pd.DataFrame(arrays["vectors"].astype("float32"), index=vocabulary.symbols[arrays["genes"]])
    return table.reindex(vocabulary.symbols), card


def load_string_vectors() -> pd.DataFrame:
    """Load gene embeddings that GraphMAE learned on STRING v11's table of actions.

    The network is from Szklarczyk et al. 2019 (CC BY 4.0). `scripts/build_gene_vectors.py` makes the file; its settings
    are in `attrs["card"]`.

    Returns
    -------
    pandas.DataFrame
        float32 (stored as float16), (19,225 genes of the vocabulary, 128), indexed by symbol; NaN for the genes that
        the network lacks.
    """
    table, card = _read()
    table = table.copy()
    table.attrs["card"] = card
    return table

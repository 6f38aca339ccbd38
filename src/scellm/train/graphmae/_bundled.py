"""The gene vectors that come with the package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
from safetensors.numpy import load

from scellm.pp._vocabulary import load_vocabulary

NAME = "string_v11_graphmae"


@cache
def _read() -> tuple[pd.DataFrame, dict[str, Any]]:
    here = files("scellm.train.graphmae")
    card = json.loads(here.joinpath(f"{NAME}.json").read_text(encoding="utf-8"))
    held = load(here.joinpath(f"{NAME}.safetensors").read_bytes())
    vocabulary = load_vocabulary()
    if card["vocabulary_sha256"] != vocabulary.sha256:
        msg = f"The bundled gene vectors were made for vocabulary {card['vocabulary']}, and this is {vocabulary.version}. Reinstall scellm."
        raise RuntimeError(msg)
    table = pd.DataFrame(held["vectors"].astype("float32"), index=vocabulary.symbols[held["genes"]])
    return table.reindex(vocabulary.symbols), card


def load_string_vectors() -> pd.DataFrame:
    """Gene vectors that GraphMAE learned on STRING v11's table of actions (Szklarczyk et al. 2019; CC BY 4.0).

    `scripts/build_gene_vectors.py` makes them; what it used is in `attrs["card"]`.

    Returns
    -------
    pandas.DataFrame
        float32 (stored as float16), (19,225 genes of the vocabulary, 128), named by symbol; NaN for the genes that the network lacks.
    """
    table, card = _read()
    table = table.copy()
    table.attrs["card"] = card
    return table

"""Import the published CellLM checkpoint from OpenBioMed's file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from scellm._logging import logger
from scellm.genes import load_vocabulary, match_names
from scellm.model._cell_lm import CellLM
from scellm.weights._state import describe, misfits, shapes_of

_LAYER = "performer.net.layers.{}"
_PREFIXES = ("", "encoder.", "cell_encoder.", "module.")
_TABLE = "pos_emb.emb.weight"
_IGNORED = r"^performer\.(proj_updater\.)?calls_since_last_redraw$"
_ENCODER = "cell_encoder.encoder"
_GENES = f"{_ENCODER}.embedding.gene.weight"


def from_openbiomed(
    path: str | PathLike,
    *,
    gene_symbols: Sequence[str],
    gene_vectors: np.ndarray | None = None,
    pooling: str = "mean",
    length: int = 6000,
) -> CellLM:
    """Read the encoder that OpenBioMed released for CellLM, and run it as its code does.

    As in that code, attention includes the padding to 6,000 tokens that the weights were trained with, but only the
    real genes are computed (`compat="openbiomed"`). The released file has no pooling; a cell embedding is the mean over
    its genes, or [CLS].

    Parameters
    ----------
    path
        The `.pth` file; no code in it is executed.
    gene_symbols
        The model's genes **in the order of its table**, 19,379 of them for the released files. That order was never
        published: ask the makers of the weights. A wrong order gives meaningless embeddings without any error.
    gene_vectors
        The gene table, (genes, dim), if the file does not hold it.
    pooling
        "mean" or "cls".
    length
        Length that the code pads to, [CLS] included.

    Returns
    -------
    CellLM
        A model without data of its own, for any data that you pass. Only genes that are both in its table and in
        scellm's vocabulary are used.

    Raises
    ------
    ValueError
        If the number of symbols does not match the table, too few are known, or tensors of the file are missing,
        unknown or of another shape; the message lists them.
    """
    state = _read(path)
    if gene_vectors is not None:
        state[_TABLE] = _with_special(np.asarray(gene_vectors))
    options = _shape(state, path)
    _check_symbols(gene_symbols, len(state[_TABLE]) - 2)
    state = _renamed(state, options, path)
    fixed = {"gene_embeddings": "random", "train_genes": False, "dropout": 0.0, "compat": "openbiomed"}
    model = CellLM.without_data(**options, **fixed, pooling=pooling, compat_length=length)
    own = model.module.state_dict()
    table = torch.full_like(own[_GENES], torch.nan)
    theirs = state.pop(_TABLE).to(table.dtype)
    at, ids = _vocabulary_rows(gene_symbols)
    table[ids], table[-2:] = theirs[at], theirs[-2:]
    state[_GENES] = table
    _check_shapes(shapes_of(state), {k: v.shape for k, v in own.items() if k in state}, path)
    model.module.load_state_dict({k: v.to(own[k].dtype) for k, v in state.items()}, strict=False)
    model.is_trained_ = True
    logger.info(f"from_openbiomed: {len(ids):,} of the model's {len(gene_symbols):,} genes are in the vocabulary")
    return model


def _check_shapes(given: dict[str, Any], wanted: dict[str, Any], path: str | PathLike) -> None:
    """Raise ValueError with all tensors of another shape."""
    found = misfits({k: s for k, s in given.items() if k in wanted}, wanted)
    if found:
        msg = f"{path}: {describe(found, most=8)}."
        raise ValueError(msg)


def _read(path: str | PathLike) -> dict[str, Tensor]:
    """The encoder's tensors by the names of the released encoder."""
    if not Path(path).is_file():
        msg = f"{path} is no file. Pass the path of the released .pth."
        raise FileNotFoundError(msg)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, and advises what would run code in the file
        msg = f"{path} cannot be read as a file of tensors ({type(error).__name__}). It is damaged, or holds code."
        raise ValueError(msg) from error
    loaded = loaded.get("model_state_dict", loaded) if isinstance(loaded, dict) else {}
    for prefix in _PREFIXES:
        state = {k.removeprefix(prefix): v for k, v in loaded.items() if k.startswith(prefix) and isinstance(v, Tensor)}
        if "token_emb.weight" in state:
            return {k: v for k, v in state.items() if not re.match(_IGNORED, k)}
    msg = (
        f"{path} holds no encoder of OpenBioMed's CellLM: expected 'token_emb.weight' among its names, found "
        f"{list(loaded)[:4]}."
    )
    raise ValueError(msg)


def _with_special(vectors: np.ndarray) -> Tensor:
    """The gene table as the code builds it: [CLS] is all ones, padding all zeros."""
    if vectors.ndim != 2:
        msg = f"gene_vectors must be (genes, dim); found the shape {vectors.shape}."
        raise ValueError(msg)
    special = np.stack([np.ones(vectors.shape[1]), np.zeros(vectors.shape[1])])
    return torch.as_tensor(np.concatenate([vectors, special]))


def _shape(state: dict[str, Tensor], path: str | PathLike) -> dict[str, Any]:
    """Options of `CellLM`, from the shapes of the tensors."""
    layers = {int(m[1]) for m in (re.match(r"performer\.net\.layers\.(\d+)\.", k) for k in state) if m}
    first = _LAYER.format(0)
    projection, query, inner_layer = (
        f"{first}.0.fn.fast_attention.projection_matrix",
        f"{first}.0.fn.to_q.weight",
        f"{first}.1.fn.fn.w1.weight",
    )
    lacking = [k for k in (_TABLE, projection, query, inner_layer) if k not in state]
    if lacking:
        msg = f"{path} lacks {lacking}. Pass a missing gene table as gene_vectors=."
        raise ValueError(msg)
    n_tokens, dim = state["token_emb.weight"].shape
    features, dim_head = state[projection].shape
    inner = len(state[query])
    wanted = {f"{_LAYER.format(i)}.0.fn.to_{x}.weight": (inner, dim) for i in layers for x in "qkv"}
    wanted[_TABLE] = (len(state[_TABLE]), dim)
    _check_shapes(shapes_of(state), {k: s for k, s in wanted.items() if k in state}, path)
    return {
        "dim": dim,
        "depth": len(layers),
        "heads": inner // dim_head,
        "dim_head": dim_head,
        "n_features": features,
        "ff_mult": len(state[inner_layer]) // dim,
        "n_bins": n_tokens - 2,
    }


def _check_symbols(symbols: Sequence[str], n: int) -> None:
    if len(symbols) != n:
        msg = (
            f"gene_symbols must name the {n:,} genes of the model's table in their order; found {len(symbols):,}. The "
            "released order was never published: ask the makers of the weights. A list in another order gives "
            "meaningless embeddings."
        )
        raise ValueError(msg)


def _vocabulary_rows(symbols: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the model's table and the matching genes of the vocabulary, each gene once."""
    match = match_names(pd.Index(symbols), load_vocabulary(), "gene_symbols")
    at = np.flatnonzero(match.known)
    ids, first = np.unique(match.ids[at], return_index=True)
    if len(ids) < len(symbols) / 2:
        msg = (
            f"{len(ids):,} of {len(symbols):,} gene_symbols are known; expected human symbols or Ensembl ids, found "
            f"{list(symbols[:3])}."
        )
        raise ValueError(msg)
    return at[first], ids


def _renamed(state: dict[str, Tensor], options: dict[str, Any], path: str | PathLike) -> dict[str, Tensor]:
    """Rename the tensors to scellm's names; raises ValueError with the missing and the unknown ones."""
    names = {f"{_ENCODER}.embedding.bin.weight": ["token_emb.weight"], _TABLE: [_TABLE]}
    names |= {f"{_ENCODER}.norm.{p}": [f"norm.{p}"] for p in ("weight", "bias")}
    names |= {f"heads.masked.{p}": [f"to_out.{p}"] for p in ("weight", "bias")}
    for i in range(options["depth"]):
        theirs, ours = _LAYER.format(i), f"{_ENCODER}.blocks.{i}"
        names[f"{ours}.attention.to_qkv.weight"] = [f"{theirs}.0.fn.to_{x}.weight" for x in "qkv"]
        names[f"{ours}.attention.projection"] = [f"{theirs}.0.fn.fast_attention.projection_matrix"]
        for p in ("weight", "bias"):
            names[f"{ours}.attention_norm.{p}"] = [f"{theirs}.0.norm.{p}"]
            names[f"{ours}.attention.to_out.{p}"] = [f"{theirs}.0.fn.to_out.{p}"]
            names[f"{ours}.ff_norm.{p}"] = [f"{theirs}.1.norm.{p}"]
            names |= {f"{ours}.ff.{w}.{p}": [f"{theirs}.1.fn.fn.{w}.{p}"] for w in ("w1", "w2")}
    wanted = {k: () for keys in names.values() for k in keys}
    found = misfits(dict.fromkeys(state, ()), wanted)
    if found:
        msg = f"{path} is not laid out as OpenBioMed's encoder: {describe(found)}."
        raise ValueError(msg)
    return {ours: torch.cat([state[k] for k in keys]) for ours, keys in names.items()}

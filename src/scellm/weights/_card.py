"""A model card describes the tensors beside it; what it says is checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXTS = ("scellm", "vocabulary", "vocabulary_sha256")
_TABLES = ("model", "binning")
_LARGEST = {"hashed_dim": 1 << 16, "compat_length": 1 << 16}
_ENCODER = "cell_encoder.encoder."
_BLOCK = f"{_ENCODER}blocks.0."


def check_card(card: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], path: object) -> None:
    """Compare a card with the shapes of the tensors.

    Parameters
    ----------
    card
        Of the current format.
    shapes
        Names and shapes of the tensors.
    path
        The file, for the message.

    Raises
    ------
    ValueError
        If something is missing, of another type, or differs.
    """
    wrong = [k for k in TEXTS if not isinstance(card.get(k), str)]
    wrong += [k for k in _TABLES if not isinstance(card.get(k), Mapping)]
    if wrong:
        raise _refusal(path, f"its card lacks {wrong}")
    if "base" in card:  # a head alone; the sizes are those of the weights that it is a head on
        return
    model = card["model"]
    if model.get("gene_embeddings", "random") != "random":
        raise _refusal(path, "its card names a file for gene embeddings, which are part of the weights")
    edges = str(card["binning"].get("bin_edges", "")).split(",")
    found = {"n_bins of its bins": (len(edges) + 1, model.get("n_bins"))} | _sizes(model, shapes)
    for name, (stored, stated) in found.items():
        if not isinstance(stated, int) or isinstance(stated, bool) or stated != stored:
            raise _refusal(path, f"its card says {name} {stated!r}, its tensors {stored!r}")
    for name, most in _LARGEST.items():
        value = model.get(name, 0)
        if not isinstance(value, int) or not 0 <= value <= most:
            raise _refusal(path, f"its card says {name} {value!r}; expected a whole number up to {most:,}")


def _refusal(path: object, why: str) -> ValueError:
    return ValueError(f"{path} cannot be used: {why}. It is damaged, or was not written by scellm.")


def _sizes(model: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, Any]]:
    """For each size of the model, what the tensors have and what the card says."""
    found: dict[str, tuple[int, Any]] = {}
    blocks = {k.split(".")[3] for k in shapes if k.startswith(f"{_ENCODER}blocks.")}
    found["depth"] = (len(blocks), model.get("depth"))
    gene, bins = shapes.get(f"{_ENCODER}embedding.gene.weight"), shapes.get(f"{_ENCODER}embedding.bin.weight")
    dim = model.get("dim")
    if bins is not None and len(bins) == 2:
        found |= {"dim": (bins[1], dim), "n_bins": (bins[0] - 2, model.get("n_bins"))}
    if gene is not None and len(gene) == 2:
        found["gene_dim"] = (gene[1], model.get("gene_dim") or dim)
    if blocks:
        qkv, ff = shapes.get(f"{_BLOCK}attention.to_qkv.weight"), shapes.get(f"{_BLOCK}ff.w1.weight")
        projection = shapes.get(f"{_BLOCK}attention.projection")
        width = _product(model.get("heads"), model.get("dim_head"))
        if qkv is not None:
            found["heads * dim_head"] = (qkv[0] // 3, width)
        if ff is not None:
            found["ff_mult * dim"] = (ff[0], _product(model.get("ff_mult"), dim))
        if projection is not None:
            found["dim_head"] = (projection[1], model.get("dim_head"))
            found["n_features"] = (projection[0], model.get("n_features") or projection[0])
    else:  # a bag of genes has no blocks to compare with
        found |= {
            k: (v, v) for k in ("heads", "dim_head", "ff_mult") if isinstance(v := model.get(k, 1), int) and v < 4097
        }
    first = shapes.get("projector.1.weight")
    found["projector"] = (first[0] if first is not None else 0, model.get("projector", 0))
    return found


def _product(a: Any, b: Any) -> Any:
    return a * b if isinstance(a, int) and isinstance(b, int) else None

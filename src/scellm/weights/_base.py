"""Weights that are a head on other weights: the file holds the head, and its card names the others."""

from __future__ import annotations

from os import PathLike
from typing import Any

from torch import Tensor

from scellm._tensors import fingerprint
from scellm.weights._file import read_weights
from scellm.weights._registry import find_weights, registry

HEAD = "annotation_head."
_SHARED = ("model", "binning", "vocabulary", "vocabulary_sha256")


def load_weights(name: str | PathLike, known_hash: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Find and read weights, and those that they are a head on.

    Parameters
    ----------
    name, known_hash
        As for :func:`scellm.weights.find_weights`.

    Returns
    -------
    tuple
        Names to tensors, and the card.

    Raises
    ------
    ValueError
        As :func:`scellm.weights.read_weights`; or if the weights that the card names are others than it was made for.
    """
    state, card = read_weights(find_weights(name, known_hash))
    base = card.get("base")
    if base is None:
        return state, card
    if not isinstance(base, dict) or base.get("name") not in registry():
        msg = f"{name} is a head on weights that this version does not have: {base!r}. See CellLM.available()."
        raise ValueError(msg)
    encoder, own = read_weights(find_weights(base["name"]))
    if fingerprint(encoder) != base.get("fingerprint") or any(card.get(k) != own.get(k) for k in _SHARED):
        msg = (
            f"{name} is a head on other weights than the {base['name']!r} of this version: install scellm "
            f"{card.get('scellm')}, with which it was made."
        )
        raise ValueError(msg)
    return {**encoder, **state}, card


def without_base(state: dict[str, Tensor], base: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of the head alone, and what the card says of the rest.

    Parameters
    ----------
    state
        Encoder and head.
    base
        Name of the weights that the encoder is equal to.

    Returns
    -------
    tuple
        Names to tensors; name and fingerprint of the base.

    Raises
    ------
    ValueError
        If there is no head, the name is not known, or the encoder differs.
    """
    head = {k: v for k, v in state.items() if k.startswith(HEAD)}
    if not head:
        msg = f"base={base!r} stores a head alone, and there is none to store: pass head=True too."
        raise ValueError(msg)
    if base not in registry():
        msg = f"base={base!r} is not known; expected one of {list(registry())}."
        raise ValueError(msg)
    encoder, _ = read_weights(find_weights(base))
    differ = [k for k, v in encoder.items() if k not in state or not bool((state[k].to(v.dtype) == v).all())]
    differ += [k for k in state if k not in encoder and not k.startswith((HEAD, "heads."))]  # of later objectives
    if differ:
        msg = f"The encoder differs from base={base!r} in {differ[:3]}: leave `base` out to save it whole."
        raise ValueError(msg)
    return head, {"name": base, "fingerprint": fingerprint(encoder)}

"""Cells of many files as one set, on disk: what pretraining on a corpus reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scellm.data._counts import Counts
from scellm.pp import load_vocabulary

FORMAT = "scellm-corpus-1"
ARRAYS = {
    "gene": np.uint16,
    "count": np.float32,
    "offsets": np.int64,
    "total": np.float64,
    "source": np.int16,
    "origin": np.int8,
}
"""The arrays of a corpus, each in a file of its own: gene ids and counts of all tokens, and where each cell starts (cells + 1); total
counts, number of the source, and origin (0 normal, 1 tumour, -1 unknown) of each cell."""


@dataclass(frozen=True)
class Corpus:
    """Cells of many files, on the genes of the vocabulary, as :func:`scellm.data.build_corpus` wrote them.

    The arrays stay on disk and are read as they are needed; memory does not grow with the corpus.

    Parameters
    ----------
    folder
        Where the arrays are.

    Raises
    ------
    FileNotFoundError
        If there is no corpus.
    ValueError
        If it was built by another version, or for another vocabulary.
    """

    folder: Path

    def __init__(self, folder: str | PathLike) -> None:
        object.__setattr__(self, "folder", Path(folder))
        if not (self.folder / "corpus.json").exists():
            msg = f"{self.folder} holds no corpus. Make one: scellm.data.build_corpus(paths, {str(folder)!r})."
            raise FileNotFoundError(msg)
        card, vocabulary = self.card, load_vocabulary()
        if card.get("format") != FORMAT or card["vocabulary_sha256"] != vocabulary.sha256:
            msg = f"{self.folder} holds a corpus of {card.get('format')!r} for {card.get('vocabulary')!r}; this version reads {FORMAT!r} for {vocabulary.version!r}. Build it anew."
            raise ValueError(msg)

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the corpus was built from: for each source its file, cells kept and left out, genes, licence."""
        return json.loads((self.folder / "corpus.json").read_text(encoding="utf-8"))

    @property
    def sources(self) -> list[str]:
        """Names of the sources, in the order of their numbers."""
        return [s["name"] for s in self.card["sources"]]

    def __len__(self) -> int:
        return int(self.card["cells"])

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r}): {len(self):,} cells of {len(self.sources)} sources, {self.card['tokens']:,} expressed genes"

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of `ARRAYS`, opened from disk."""
        return {k: _open(self.folder / f"{k}.bin", dtype) for k, dtype in ARRAYS.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}  # a worker opens its own files

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "folder", state["folder"])

    def counts(self, rows: np.ndarray) -> Counts:
        """Counts of some cells, in the order given.

        Parameters
        ----------
        rows
            Numbers of the cells.

        Returns
        -------
        Counts
            Packed; costs the expressed genes of these cells.
        """
        offsets = self.arrays["offsets"]
        start, n = offsets[rows], offsets[np.asarray(rows) + 1] - offsets[rows]
        own = np.concatenate([[0], np.cumsum(n)])
        at = np.arange(own[-1]) + np.repeat(start - own[:-1], n)  # (tokens,)
        gene, count = self.arrays["gene"][at].astype(np.int32), self.arrays["count"][at]
        return Counts(gene, count, own, self.arrays["total"][rows], np.asarray(rows))

    def split(self, validation_size: float = 0.02, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Cells to learn from and cells kept aside, the same share of every source.

        Parameters
        ----------
        validation_size
            Share kept aside; at least one cell of a source, if it is above 0.
        seed
            Of the draw.

        Returns
        -------
        tuple of numpy.ndarray
            Numbers of the cells, ascending.
        """
        source = self.arrays["source"]
        aside = []
        for i in range(len(self.sources)):
            rows = np.flatnonzero(source == i)
            n = max(round(validation_size * len(rows)), 1) if validation_size > 0 and len(rows) > 1 else 0
            aside.append(np.random.default_rng([seed, i]).permutation(rows)[:n])
        validation = np.sort(np.concatenate([*aside, np.zeros(0, int)]))
        return np.setdiff1d(np.arange(len(self)), validation), validation


def _open(path: Path, dtype: Any) -> np.ndarray:
    return np.memmap(path, dtype, mode="r") if path.stat().st_size else np.zeros(0, dtype)

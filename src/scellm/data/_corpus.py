"""A corpus: the cells of many files, stored on disk for pretraining."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scellm._download import sha256
from scellm._tokens import Tokens
from scellm.data._batch import bin_counts
from scellm.data._counts import Counts
from scellm.data._source_balanced_sampler import SourceBalancedSampler
from scellm.data._view import View, identity
from scellm.genes import load_vocabulary
from scellm.pp import Binning

FORMAT = "scellm-corpus-3"
ARRAYS = {
    "gene": np.uint16,
    "count": np.float32,
    "offsets": np.int64,
    "total": np.float64,
    "source": np.int16,
    "cluster": np.int16,
    "malignancy": np.int8,
}
"""The arrays of a corpus, one file each: gene id and count of every token; start of every cell (cells + 1); total
count, number of the source, cluster within the source, and malignancy (0 normal, 1 tumour, -1 unknown) of each cell."""


@dataclass(frozen=True)
class Corpus:
    """Cells of many files, on the genes of the vocabulary, as :func:`scellm.data.build_corpus` wrote them.

    The arrays are memory-mapped, and memory does not grow with the corpus.

    Parameters
    ----------
    folder
        The folder of the arrays.

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
        if card.get("format") != FORMAT or card.get("vocabulary_sha256") != vocabulary.sha256:
            msg = (
                f"{self.folder} holds a corpus of {card.get('format')!r} for {card.get('vocabulary')!r}; this version "
                f"reads {FORMAT!r} for {vocabulary.version!r}. Build it again with scellm.data.build_corpus."
            )
            raise ValueError(msg)
        self._check_sizes()

    def _check_sizes(self) -> None:
        """Raise ValueError if an array has another size than the card says: a file was cut, or is of another corpus."""
        cells, tokens = self.card["cells"], self.card["tokens"]
        wanted = {"gene": tokens, "count": tokens, "offsets": cells + 1}
        for name, dtype in ARRAYS.items():
            path = self.folder / f"{name}.bin"
            size, found = (
                wanted.get(name, cells) * np.dtype(dtype).itemsize,
                path.stat().st_size if path.exists() else 0,
            )
            if size != found:
                msg = (
                    f"{path} has {found:,} bytes; its card says {size:,}. The corpus is damaged: build it again with "
                    "scellm.data.build_corpus(..., overwrite=True)."
                )
                raise ValueError(msg)
        offsets = self.arrays["offsets"]
        if offsets[0] != 0 or offsets[-1] != tokens or (np.diff(offsets) < 0).any():
            msg = f"{self.folder} is damaged: offsets do not rise from 0 to {tokens:,}. Build it again."
            raise ValueError(msg)

    def verify(self) -> None:
        """Compare every array with its SHA-256 in the card; reads all of the corpus.

        Raises
        ------
        ValueError
            If an array differs.
        """
        for name, stated in self.card.get("sha256", {}).items():
            if sha256(self.folder / f"{name}.bin") != stated:
                msg = f"{self.folder / f'{name}.bin'} does not have the checksum of its card: build the corpus again."
                raise ValueError(msg)

    @cached_property
    def card(self) -> dict[str, Any]:
        """Description of the corpus: for each source its file, cells kept and left out, genes, licence."""
        path = self.folder / "corpus.json"
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            msg = f"{path} is damaged ({error}). Build the corpus again."
            raise ValueError(msg) from error
        whole = isinstance(card, dict) and isinstance(card.get("sources", []), list)
        if not whole or not all(isinstance(card.get(k, 0), int) for k in ("cells", "tokens")):
            msg = f"{path} is damaged: it does not describe a corpus. Build the corpus again."
            raise ValueError(msg)
        return card

    @property
    def sources(self) -> list[str]:
        """Names of the sources, in the order of their numbers."""
        return [s["name"] for s in self.card["sources"]]

    def __len__(self) -> int:
        return int(self.card["cells"])

    def __repr__(self) -> str:
        return (
            f"Corpus({str(self.folder)!r}): {len(self):,} cells of {len(self.sources)} sources, "
            f"{self.card['tokens']:,} expressed genes"
        )

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of `ARRAYS`, memory-mapped."""
        return {k: mapped(self.folder / f"{k}.bin", dtype) for k, dtype in ARRAYS.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}  # a worker opens its own files

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "folder", state["folder"])

    def counts(self, rows: np.ndarray) -> Counts:
        """Counts of some cells, in the given order.

        Parameters
        ----------
        rows
            Indices of the cells.

        Returns
        -------
        Counts
            Packed; the cost is proportional to the expressed genes of these cells.
        """
        a = self.arrays
        return Counts.gather(a["gene"], a["count"], a["offsets"], a["total"], rows)

    def tokens(self, rows: np.ndarray, binning: Binning, view: View = identity, key: int = 0) -> Tokens:
        """Tokens of some cells, in the given order.

        Parameters
        ----------
        rows
            Indices of the cells.
        binning
            The bins of the model that will read them: `model.binning`.
        view, key
            A view of each cell, and the key of its draw.

        Returns
        -------
        Tokens
            Packed.
        """
        return Tokens.of(bin_counts(view(self.counts(rows), key), binning))

    def sample(self, n: int, *, indices: np.ndarray | None = None, power: float = 0.5, seed: int = 0) -> np.ndarray:
        """Draw cells as pretraining does: small sources more often than in proportion to their size.

        Parameters
        ----------
        n
            Number of cells, at most as many as there are.
        indices
            Cells to draw from; by default all.
        power
            As in :class:`SourceBalancedSampler`.
        seed
            Seed of the draw.

        Returns
        -------
        numpy.ndarray
            Indices, int64, (n,), ascending. A cell of a small source can occur twice.
        """
        rows = np.arange(len(self)) if indices is None else np.asarray(indices)
        return np.sort(SourceBalancedSampler(rows, self.arrays["source"][rows], power).epoch(0, seed)[:n])

    def split(self, validation_size: float = 0.02, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Split into training and validation cells, the same share of every source.

        Parameters
        ----------
        validation_size
            Share to hold out; if above 0, at least one cell of every source that has two or more.
        seed
            Seed of the draw.

        Returns
        -------
        tuple of numpy.ndarray
            Indices of the cells, ascending.
        """
        source = self.arrays["source"]
        held_out = []
        for i in range(len(self.sources)):
            rows = np.flatnonzero(source == i)
            n = max(round(validation_size * len(rows)), 1) if validation_size > 0 and len(rows) > 1 else 0
            held_out.append(np.random.default_rng([seed, i]).permutation(rows)[:n])
        validation = np.sort(np.concatenate([*held_out, np.zeros(0, int)]))
        return np.setdiff1d(np.arange(len(self)), validation), validation


def mapped(path: Path, dtype: Any) -> np.ndarray:
    """The numbers of a file, memory-mapped and read-only; an empty file cannot be mapped."""
    return np.memmap(path, dtype, mode="r") if path.stat().st_size else np.zeros(0, dtype)

"""The cell types that come with weights: names at two levels, Cell Ontology ids, and when to abstain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

UNKNOWN = "unknown"
"""The answer for a cell of which not even the coarse type is sure; as a label, it counts as missing."""

_FIELDS = ("name", "id", "coarse", "coarse_id")
_MOST = 10_000  # types that a file may name


@dataclass(frozen=True)
class Annotator:
    """The types of an annotation head, each with a coarse type, and the confidence below which it abstains.

    Parameters
    ----------
    types
        In the order of the head's logits: `name`, `id` (Cell Ontology, or ""), `coarse`, `coarse_id`, and
        `min_confidence`, the probability from which on this type is given as the answer.
    min_coarse
        Probability from which on a coarse type is given.
    """

    types: pd.DataFrame
    min_coarse: float = 0.0

    @classmethod
    def of_names(cls, names: Sequence[str]) -> Self:
        """Types without ontology, each its own coarse type; it never abstains."""
        texts = {"name": list(names), "id": "", "coarse": list(names), "coarse_id": ""}
        return cls(pd.DataFrame(texts, dtype=object).assign(min_confidence=0.0))

    @property
    def names(self) -> list[str]:
        """Names of the types, in the order of the logits."""
        return list(self.types["name"])

    @property
    def is_plain(self) -> bool:
        """Whether there is one level only and no ontology."""
        return bool((self.types["name"] == self.types["coarse"]).all() and not self.types["id"].any())

    @property
    def categories(self) -> list[str]:
        """Every answer there can be: the types, the coarse types, and "unknown" if it abstains."""
        found = dict.fromkeys([*self.types["name"], *self.types["coarse"]])
        return [*found, *([UNKNOWN] if self.min_coarse > 0 and UNKNOWN not in found else [])]

    def with_minimum(self, min_confidence: float | None) -> Annotator:
        """The same types with one minimum for both levels; `None` changes nothing."""
        if min_confidence is None:
            return self
        return Annotator(self.types.assign(min_confidence=float(min_confidence)), float(min_confidence))

    @property
    def limits(self) -> str:
        """The minima in words."""
        low, high = self.types["min_confidence"].min(), self.types["min_confidence"].max()
        fine = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"{fine} (type), {self.min_coarse:g} (coarse type)"

    def answers(self, probabilities: np.ndarray) -> pd.DataFrame:
        """The finest answer that is sure enough, for each cell.

        The coarse type is the one with the largest sum of probabilities. If this sum is too small, the answer is
        "unknown"; if the largest probability within it is too small, the answer is the coarse type.

        Parameters
        ----------
        probabilities
            float32, (cells, types).

        Returns
        -------
        pandas.DataFrame
            `type`, `id`, `confidence` (the probability of the answer; of the best coarse type if unknown), `coarse`
            ("unknown" where the answer is), float32 and text.
        """
        coarse, group = np.unique(self.types["coarse"].to_numpy(str), return_inverse=True)
        summed = probabilities @ (group[:, None] == np.arange(len(coarse))).astype(np.float32)  # (cells, coarse)
        best = summed.argmax(1)  # (cells,)
        cells = np.arange(len(best))
        inside = np.where(group[None, :] == best[:, None], probabilities, -1.0)  # (cells, types)
        fine = inside.argmax(1)
        p_coarse, p_fine = summed[cells, best], probabilities[cells, fine]
        only = np.bincount(group)[best] == 1  # then both levels are one
        is_fine = np.where(
            only, p_coarse >= self.min_coarse, p_fine >= self.types["min_confidence"].to_numpy(float)[fine]
        )
        known = p_coarse >= self.min_coarse
        table = self.types[list(_FIELDS)].to_numpy(str)
        first = np.array([np.flatnonzero(group == k)[0] for k in range(len(coarse))])[best]  # a type of the coarse one
        pick = lambda a, b: np.where(known, np.where(is_fine, table[fine, a], table[first, b]), UNKNOWN)
        ids = np.where(known, np.where(is_fine, table[fine, 1], table[first, 3]), "")
        return pd.DataFrame(
            {
                "type": pick(0, 2),
                "id": ids,
                "confidence": np.where(known & is_fine, p_fine, p_coarse).astype(np.float32),
                "coarse": np.where(known, table[first, 2], UNKNOWN),
            }
        )

    def to_card(self) -> dict[str, Any]:
        """Plain values for a model card."""
        return {"types": self.types.to_dict("records"), "min_confidence": self.min_coarse}

    @classmethod
    def from_card(cls, card: Mapping[str, Any], path: object) -> Self | None:
        """Read the types of a card; `None` if it states none. Raises ValueError for a card that is damaged."""
        types = card.get("types")
        if types is None:
            return None
        minimum = card.get("min_confidence", 0.0)
        fits = isinstance(types, list) and 0 < len(types) <= _MOST and _is_share(minimum)
        fits = fits and all(isinstance(t, Mapping) and all(isinstance(t.get(f), str) for f in _FIELDS) for t in types)
        fits = fits and all(_is_share(t.get("min_confidence", 0.0)) for t in types)
        if not fits or len({t["name"] for t in types}) < len(types):
            msg = f"{path} is damaged: its card does not state cell types as name, id, coarse and coarse_id, each once."
            raise ValueError(msg)
        table = pd.DataFrame([{f: t[f] for f in _FIELDS} for t in types], dtype=object)
        return cls(table.assign(min_confidence=[float(t.get("min_confidence", 0.0)) for t in types]), float(minimum))


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1

"""What DrugResponse learned, and its plain form on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from scellm.drug import Route
from scellm.model._drug_features import DrugFeatures
from scellm.model._learn_response import DrugScale
from scellm.model._line_features import LineFeatures
from scellm.module import CellEncoder

_TENSORS = ("genes", "ranks", "center", "scale", "drug_mean", "drug_spread", "errors")
PREFIX = "response."


@dataclass
class ResponseState:
    """Lines, drugs, features and errors; the heads are in the module.

    Parameters
    ----------
    lines
        Names of the training lines.
    drugs
        The drugs.
    scale
        Their means and spreads.
    features
        Features of lines.
    errors
        Measured minus predicted response on lines that a head did not see, NaN else, float32, (lines, drugs).
    head
        Name of the head.
    kind
        "ln_ic50" or "auc".
    typical
        Standard deviation over the training lines of the predicted deviations, the mean over drugs.
    """

    lines: list[str]
    drugs: DrugFeatures
    scale: DrugScale
    features: LineFeatures
    errors: np.ndarray
    head: str
    kind: str
    typical: float = float("nan")

    def half_width(self, level: float) -> np.ndarray:
        """Half of an interval for each drug: the quantile of its absolute errors on lines not seen, (drugs,).

        With n errors, it is the ceil((n + 1) * level)-th smallest, as in conformal prediction (Vovk et al. 2005); NaN
        if n is too small for the level. The errors are of cross-validation: the coverage is measured, not proven.
        """
        sizes = np.sort(np.abs(self.errors), axis=0)  # NaN last
        n = np.isfinite(sizes).sum(0)
        place = np.ceil((n + 1) * level).astype(int) - 1
        there = (n > 0) & (place < n)
        found = sizes[np.where(there, place, 0), np.arange(sizes.shape[1])]
        return np.where(there, found, np.nan)

    def tensors(self) -> dict[str, Tensor]:
        """Arrays, for the file."""
        route = self.features.route
        arrays = {
            "genes": route.genes,
            "ranks": route.ranks.view(np.int16),  # the format has no uint16 in all versions
            "center": self.features.center,
            "scale": self.features.scale,
            "drug_mean": self.scale.mean,
            "drug_spread": self.scale.spread,
            "errors": np.nan_to_num(self.errors, nan=_NONE),
        }
        return {PREFIX + k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}

    def facts(self) -> dict[str, Any]:
        """Plain values, for the header of the file."""
        return {
            "lines": self.lines,
            "drugs": list(self.drugs.smiles.index),
            "smiles": list(self.drugs.smiles),
            "drug_encoder": self.drugs.kind,
            "synonyms": self.drugs.synonyms,
            "head": self.head,
            "kind": self.kind,
            "units": self.features.route.units,
            "overall": self.scale.overall,
            "of_all": self.scale.of_all,
            "typical": self.typical,
        }

    @classmethod
    def of(cls, tensors: dict[str, Tensor], facts: dict[str, Any], encoder: CellEncoder | None) -> Self:
        """Read the output of :meth:`tensors` and :meth:`facts`; raises KeyError or ValueError if parts do not fit."""
        a = {k: tensors[PREFIX + k].numpy() for k in _TENSORS}
        n_lines, n_drugs, n_genes = len(facts["lines"]), len(facts["drugs"]), len(a["genes"])
        wanted = {
            "ranks": (n_lines, n_genes),
            "errors": (n_lines, n_drugs),
            "drug_mean": (n_drugs,),
            "drug_spread": (n_drugs,),
            "scale": a["center"].shape,
        }
        wrong = [k for k, shape in wanted.items() if a[k].shape != shape]
        if wrong or len(facts["smiles"]) != n_drugs:
            msg = f"{wrong or ['smiles']} do not fit {n_lines} lines and {n_drugs} drugs"
            raise ValueError(msg)
        route = Route(a["genes"], a["ranks"].view(np.uint16), facts["units"])
        smiles = pd.Series(facts["smiles"], index=pd.Index(facts["drugs"], dtype=object), dtype=object)
        errors = np.where(a["errors"] == np.float32(_NONE), np.nan, a["errors"])
        return cls(
            list(facts["lines"]),
            DrugFeatures(facts["drug_encoder"], smiles, dict(facts["synonyms"])),
            DrugScale(a["drug_mean"], a["drug_spread"], float(facts["overall"]), float(facts["of_all"])),
            LineFeatures(route, encoder, a["center"], a["scale"]),
            errors,
            facts["head"],
            facts["kind"],
            float(facts["typical"]),
        )


_NONE = -1e30  # stands for a missing error: weights that are not finite are refused when they are read

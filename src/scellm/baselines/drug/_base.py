"""The bases of the baselines: they remember the drugs and the lines that they learned from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData


class DrugBaseline(ABC):
    """Predicts responses of lines to drugs.

    A subclass writes `_fit` on a table, and `predict`; this class checks names and keeps the drugs' means.
    """

    def fit(
        self, lines: AnnData, responses: pd.DataFrame, *, smiles: pd.Series | None = None, tissue_key: str | None = None
    ) -> Self:
        """Learn from known responses.

        Parameters
        ----------
        lines
            Profiles of the lines of `responses`; `X` is read as it is, so all lines must be on one scale.
        responses
            Lines by drugs, NaN where unknown.
        smiles
            SMILES of drugs, for baselines that read molecules.
        tissue_key
            Column of `lines.obs` with the tissue, for baselines that read it.

        Returns
        -------
        DrugBaseline
            Itself.

        Raises
        ------
        ValueError
            If no response is known, or a value is not finite.
        """
        known = responses.notna().to_numpy()
        values = responses.to_numpy(np.float64)
        if not known.any() or np.isinf(values).any():
            msg = f"{type(self).__name__} needs finite responses; found {int(known.sum())} known ones."
            raise ValueError(msg)
        self.smiles, self.tissue_key = smiles, tissue_key
        self.drugs, self.lines = list(responses.columns), list(responses.index)
        self.overall = float(np.nanmean(values))
        self.drug_mean = responses.mean().fillna(self.overall).to_numpy(np.float64)  # (drugs,)
        rows = lines.obs_names.get_indexer(responses.index)
        if (rows < 0).any():
            lacking = list(responses.index[rows < 0][:3])
            msg = f"{int((rows < 0).sum()):,} lines of responses have no profile in lines, such as {lacking}."
            raise ValueError(msg)
        self.genes = lines.var_names
        self._fit(lines[rows], values)
        return self

    @abstractmethod
    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs."""

    def same_genes(self, lines: AnnData) -> AnnData:
        """Profiles with the genes that were learned from, in their order; raises ValueError if one is missing."""
        if lines.var_names.equals(self.genes):
            return lines
        missing = self.genes.difference(lines.var_names)
        if len(missing):
            msg = f"lines lack {len(missing):,} genes that {type(self).__name__} learned from, such as {missing[0]!r}."
            raise ValueError(msg)
        return lines[:, self.genes]

    @abstractmethod
    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        """Learn from values, (lines, drugs), NaN where unknown."""


class KnownDrugs(DrugBaseline):
    """A baseline that predicts the drugs that it learned, all at once; a subclass writes `_fit` and `_predict`."""

    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs; raises KeyError for a drug that was not learned."""
        lines = self.same_genes(lines)
        table = pd.DataFrame(self._predict(lines), index=lines.obs_names, columns=self.drugs)
        return table.loc[:, list(drugs)]

    @abstractmethod
    def _predict(self, lines: AnnData) -> np.ndarray:
        """Responses to all drugs learned, (lines, drugs)."""


def smiles_of(smiles: pd.Series | None, drugs: Sequence[str], owner: str) -> pd.Series:
    """SMILES of some drugs; raises ValueError if none were given."""
    if smiles is None:
        msg = f"{owner} needs smiles=, the SMILES of every drug."
        raise ValueError(msg)
    return smiles[list(drugs)]


def profiles_of(lines: AnnData) -> np.ndarray:
    """Profiles as float64, (lines, genes); lines are few, so that a dense table is small."""
    x = lines.X
    x = x.toarray().astype(np.float64) if sp.issparse(x) else np.asarray(x, np.float64)
    if not np.isfinite(x).all():
        name = lines.obs_names[np.flatnonzero(~np.isfinite(x).all(1))[0]]
        msg = f"Profiles hold values that are not finite, such as in {name!r}. Remove or replace them."
        raise ValueError(msg)
    return x


def tissues_of(lines: AnnData, key: str | None, owner: str) -> np.ndarray:
    """Tissue of each line; raises ValueError if no column was named."""
    if key is None or key not in lines.obs:
        msg = f"{owner} needs tissue_key=, a column of lines.obs, which holds {list(lines.obs.columns)[:8]}."
        raise ValueError(msg)
    return lines.obs[key].astype(str).to_numpy()

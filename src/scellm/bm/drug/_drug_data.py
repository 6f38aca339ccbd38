"""Lines, their responses to drugs, and what the drugs are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData


@dataclass(frozen=True)
class DrugData:
    """Cell lines by drugs.

    Parameters
    ----------
    lines
        Profiles, one row a line; `obs_names` are the names of the lines.
    responses
        ln IC50 (or another value, lower = more sensitive), NaN where unknown, lines by drugs. Repeats are merged
        before: a line and a drug have one value.
    smiles
        SMILES of each drug, indexed by drug. Drugs with the same text are one molecule: standardise them first, with
        :func:`scellm.drug.standardize_smiles`.
    tissue_key
        Column of `lines.obs` with the tissue.

    Raises
    ------
    ValueError
        If a line of `responses` has no profile, or names repeat.
    """

    lines: AnnData
    responses: pd.DataFrame
    smiles: pd.Series | None = None
    tissue_key: str | None = None

    def __post_init__(self) -> None:
        names, wanted = self.lines.obs_names, self.responses.index
        named = {"lines.obs_names": names, "responses.index": wanted, "responses.columns": self.responses.columns}
        if self.smiles is not None:
            named["smiles.index"] = self.smiles.index
        for what, index in named.items():
            if not index.is_unique:
                msg = f"{what} holds {index[index.duplicated()][0]!r} several times. Merge repeats first."
                raise ValueError(msg)
        unknown = wanted.difference(names)
        if len(unknown):
            msg = f"{len(unknown):,} lines of responses have no profile in lines, such as {list(unknown[:3])}."
            raise ValueError(msg)

    @property
    def known(self) -> np.ndarray:
        """Which responses are known, bool, (lines, drugs)."""
        return self.responses.notna().to_numpy()

    @property
    def tissues(self) -> pd.Series:
        """Tissue of each line of the responses; raises ValueError if no column was named."""
        if self.tissue_key is None or self.tissue_key not in self.lines.obs:
            msg = f"tissue_key={self.tissue_key!r} is not in lines.obs, which holds {list(self.lines.obs.columns)[:8]}."
            raise ValueError(msg)
        return self.lines.obs[self.tissue_key].astype(str).loc[self.responses.index]

    @property
    def molecules(self) -> pd.Series:
        """The SMILES of each drug, or its own name if that is not known."""
        drugs = self.responses.columns.to_series()
        return drugs if self.smiles is None else drugs.map(self.smiles).fillna(drugs)

    def profiles(self, lines: pd.Index) -> AnnData:
        """Profiles of some lines, in their order."""
        return self.lines[self.lines.obs_names.get_indexer(lines)]

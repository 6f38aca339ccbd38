"""Similarity of molecules: what is known of a drug that was never measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm.baselines.drug._base import DrugBaseline, smiles_of
from scellm.baselines.drug._factorization import factorized
from scellm.drug import morgan_fingerprints, tanimoto


class SimilarDrugs(DrugBaseline):
    """Responses of unseen drugs: the mean of known drugs, weighted by the third power of their Tanimoto similarity.

    Known lines have their own (factorised) responses; other lines get the drugs' means.

    Parameters
    ----------
    rank
        Number of factors that complete the table of known responses.
    """

    def __init__(self, rank: int = 12) -> None:
        self.rank = rank

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        smiles_of(self.smiles, self.drugs, "SimilarDrugs")
        self.table = dict(zip(self.lines, factorized(values, self.rank), strict=True))

    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs; known drugs too are predicted from their neighbours and themselves."""
        known = morgan_fingerprints(smiles_of(self.smiles, self.drugs, "SimilarDrugs"))
        weight = (
            tanimoto(morgan_fingerprints(smiles_of(self.smiles, drugs, "SimilarDrugs")), known) ** 3
        )  # (drugs, known drugs)
        weight /= np.maximum(weight.sum(1, keepdims=True), 1e-12)
        responses = np.array([self.table.get(name, self.drug_mean) for name in lines.obs_names])  # (lines, known drugs)
        return pd.DataFrame(responses @ weight.T, index=lines.obs_names, columns=list(drugs))

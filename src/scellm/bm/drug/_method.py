"""The interface of a method that predicts drug responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import pandas as pd
from anndata import AnnData


class DrugMethod(Protocol):
    """Anything with `fit` and `predict`, such as the classes of `scellm.baselines.drug`."""

    def fit(
        self, lines: AnnData, responses: pd.DataFrame, *, smiles: pd.Series | None = None, tissue_key: str | None = None
    ) -> Self:
        """Learn from known responses.

        Parameters
        ----------
        lines
            Profiles of the lines of `responses`, in their order.
        responses
            Lines by drugs, NaN where unknown or held out.
        smiles
            SMILES of drugs, also of those that are predicted later.
        tissue_key
            Column of `lines.obs` with the tissue.
        """

    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs.

        Parameters
        ----------
        lines
            Profiles; lines that were learned from are known by their names.
        drugs
            Which drugs.
        """

"""DrugResponse as a method for benchmarks, with the interface of the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import pandas as pd
from anndata import AnnData

from scellm.model._drug_response import DrugResponse

_OF_MODEL = ("encoder", "drug_encoder", "value_kind")


class DrugResponseMethod:
    """A DrugResponse that is made and trained for each split.

    Parameters
    ----------
    units
        Units of the profiles, as for :meth:`scellm.DrugResponse.setup_anndata`.
    **options
        `encoder`, `drug_encoder`, and options of :meth:`scellm.DrugResponse.train`.

    Examples
    --------
    >>> methods = {"expression": lambda: scellm.model.DrugResponseMethod(units="standardized")}
    >>> results = scellm.bm.drug.run_drugs([task], methods, seeds=1)  # doctest: +SKIP
    """

    def __init__(self, units: str = "auto", **options: Any) -> None:
        self.units = units
        self.of_model = {k: v for k, v in options.items() if k in _OF_MODEL}
        self.of_train = {k: v for k, v in options.items() if k not in _OF_MODEL}

    def fit(
        self, lines: AnnData, responses: pd.DataFrame, *, smiles: pd.Series | None = None, tissue_key: str | None = None
    ) -> Self:
        """Make a model and train it.

        Parameters
        ----------
        lines
            Profiles of the lines of `responses`.
        responses
            Lines by drugs, NaN where unknown.
        smiles
            SMILES of drugs.
        tissue_key
            Not used.

        Returns
        -------
        DrugResponseMethod
            Itself.
        """
        self.smiles = smiles
        own = lines.copy()
        DrugResponse.setup_anndata(own, units=self.units)
        long = responses.rename_axis(index="line", columns="drug").reset_index().melt("line").dropna()
        self.model = DrugResponse(own, responses=long, smiles=smiles, **self.of_model)
        self.model.train(**self.of_train)
        return self

    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs."""
        unseen = (self.model._learned().drugs.places(drugs) < 0).any()
        asked: Any = self.smiles[list(drugs)] if unseen and self.smiles is not None else list(drugs)
        return self.model.predict(lines, asked, units=self.units)

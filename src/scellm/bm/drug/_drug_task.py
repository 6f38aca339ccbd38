"""A task: responses, a split, and the responses that judge it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._split import DrugSplit
from scellm.bm.drug._unseen_lines import UnseenLines


@dataclass(frozen=True)
class DrugTask:
    """Predict responses that were held out.

    Parameters
    ----------
    name
        Name in tables.
    data
        Lines, responses and molecules.
    split
        `UnseenLines`, `UnseenTissues`, `UnseenDrugs`, `RandomPairs`, or one of your own.
    judged_by
        Responses of the same lines and drugs in another assay. If given, a method learns from `data.responses` and is
        judged on these, on pairs that both assays know; what only one knows is left out on both sides.

    Raises
    ------
    ValueError
        If the other assay shares no pair.
    """

    name: str
    data: DrugData
    split: DrugSplit = field(default_factory=UnseenLines)
    judged_by: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.judged_by is None:
            return
        own = self.data.responses
        other = self.judged_by.reindex(index=own.index, columns=own.columns)
        both = own.notna() & other.notna()
        if not both.to_numpy().any():
            msg = f"task {self.name!r}: the two assays share no pair of line and drug. Give both the same names."
            raise ValueError(msg)
        kept = (both.any(axis=1), both.any(axis=0))
        data = DrugData(self.data.lines, own.where(both).loc[kept], self.data.smiles, self.data.tissue_key)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "judged_by", other.where(both).loc[kept])

    def draw(self, seed: int) -> Fold:
        """The responses to learn from and to test for one seed."""
        train, test = self.split(self.data, np.random.default_rng(seed))
        own = self.data.responses
        learned = train.any(0)
        if (learned & test.any(0)).any():  # unless drugs are split: one that is only tested cannot be predicted
            test = test & learned
        truth = own if self.judged_by is None else self.judged_by
        rows, columns = own.index[np.flatnonzero(test.any(1))], own.columns[np.flatnonzero(test.any(0))]
        mean = _drug_mean(truth.where(train), columns)
        return Fold(
            learned=_without_empty_rows(own.where(train)),
            truth=truth.where(test).loc[rows, columns],
            drug_mean=mean,
            shift=mean - _drug_mean(own.where(train), columns),
        )


@dataclass(frozen=True)
class Fold:
    """One split of a task.

    Parameters
    ----------
    learned
        Responses that may be learned from, lines by drugs, NaN where held out.
    truth
        Responses that are tested, lines by drugs.
    drug_mean
        Mean of each tested drug over the training pairs in the assay that judges; the mean of all for unseen drugs.
    shift
        What is added to predictions, as two assays have different means; 0 within one assay.
    """

    learned: pd.DataFrame
    truth: pd.DataFrame
    drug_mean: pd.Series
    shift: pd.Series


def _without_empty_rows(responses: pd.DataFrame) -> pd.DataFrame:
    known = responses.notna()
    return responses.loc[known.any(axis=1), known.any(axis=0)]


def _drug_mean(responses: pd.DataFrame, columns: pd.Index) -> pd.Series:
    overall = float(np.nanmean(responses.to_numpy()))
    return responses.loc[:, columns].mean().fillna(overall)

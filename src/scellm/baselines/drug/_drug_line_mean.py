"""The effect of the drug and the effect of the line, added."""

from __future__ import annotations

from scellm.baselines.drug._factorization import Factorization


class DrugLineMean(Factorization):
    """Mean of the drug + mean of the line, fitted together; lines that were not learned from get the drugs' means."""

    def __init__(self) -> None:
        super().__init__(rank=0)

"""Random gene dropout."""

from __future__ import annotations

from dataclasses import dataclass

from scellm._random import uniform
from scellm.data._counts import Counts


@dataclass(frozen=True)
class SubsampleGenes:
    """Keep each expressed gene with the same probability; its count is unchanged.

    Parameters
    ----------
    share
        Probability that a gene is kept.

    Raises
    ------
    ValueError
        If not 0 < share <= 1.
    """

    share: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            msg = f"SubsampleGenes keeps a share of the genes, 0 < share <= 1; found {self.share}."
            raise ValueError(msg)

    def __call__(self, counts: Counts, key: int) -> Counts:
        """Drop genes; a cell's total is unchanged, and so are the bins of the genes kept."""
        of = counts.cell_of_token
        return counts.keep(uniform(key, counts.cell[of], counts.gene) < self.share, counts.count, counts.total)

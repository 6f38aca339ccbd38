"""Groups of cells, donor by donor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm._labels import NO_LABEL, Labels
from scellm._logging import logger

_SEVERAL = (list, tuple, set, np.ndarray, pd.Index, pd.Series)


@dataclass(frozen=True)
class Groups:
    """Groups to screen.

    Parameters
    ----------
    table
        `group` and `donor` ("" without donors) of each.
    code
        Group of each cell, -1 for none, int64, (cells,).
    reference
        Names of the groups of normal cells.
    """

    table: pd.DataFrame
    code: np.ndarray
    reference: list[str]

    @classmethod
    def of(cls, adata: AnnData, groupby: str, donor_key: str | None, reference: str | Sequence[str] | None) -> Self:
        """Read the columns; raises KeyError if one, or a reference group, does not exist."""
        if not isinstance(groupby, str):
            msg = f"groupby= takes the name of one column of obs; found {groupby!r}."
            raise TypeError(msg)
        group = Labels.of(adata.obs, groupby).names
        donor = np.full(adata.n_obs, "", object)
        there = group != NO_LABEL
        if donor_key is not None:
            donor = Labels.of(adata.obs, donor_key, quiet=True).names
            there &= donor != NO_LABEL
        if not there.any():
            msg = f"No cell has a group in obs[{groupby!r}]" + (
                f" and a donor in obs[{donor_key!r}]." if donor_key else "."
            )
            raise ValueError(msg)
        if not there.all():
            logger.info("screen: %d of %d cells have no group or donor and are left out", (~there).sum(), len(there))
        several: Any = reference if isinstance(reference, _SEVERAL) else [] if reference is None else [reference]
        normal = [str(r) for r in several]
        unknown = [r for r in normal if r not in set(group)]
        if unknown:
            msg = (
                f"reference={unknown} are no groups of obs[{groupby!r}], which holds {sorted(set(group[there]))[:12]}; "
                "words such as 'None' and 'unknown' count as missing."
            )
            raise KeyError(msg)
        pairs = pd.DataFrame({"group": group[there], "donor": donor[there]})
        table = pairs.drop_duplicates().sort_values(["donor", "group"], ignore_index=True)
        code = np.full(adata.n_obs, -1, np.int64)
        keys = pd.MultiIndex.from_frame(table)
        code[there] = keys.get_indexer(pd.MultiIndex.from_frame(pairs))
        return cls(table, code, normal)

    @property
    def n_cells(self) -> np.ndarray:
        """Cells of each group, int64, (groups,)."""
        return np.bincount(self.code[self.code >= 0], minlength=len(self.table))

    def cells(self, group: int) -> np.ndarray:
        """Indices of the cells of a group."""
        return np.flatnonzero(self.code == group)

    def reference_of(self, group: int, usable: np.ndarray) -> np.ndarray:
        """Groups of normal cells that a group is compared with, of those usable: of its donor, else of all donors."""
        normal = self.table["group"].isin(self.reference).to_numpy() & usable
        same = normal & (self.table["donor"] == self.table["donor"].iloc[group]).to_numpy()
        return np.flatnonzero(same if same.any() else normal)

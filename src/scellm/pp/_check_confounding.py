"""Whether a label can be separated from the library, the donor or another batch that the cells came in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm._inputs import require_anndata
from scellm._labels import NO_LABEL, Labels, text_of

NOT_IDENTIFIABLE, NESTED, CROSSED, ONE_LEVEL = "not identifiable", "nested, replicated", "crossed", "one level"

_PURE = 0.95  # share of one label from which on a level counts as that label's own
_MOST_LEVELS = 0.5  # levels per cell from which on a column numbers the cells
_BATCHES = re.compile(
    r"donor|patient|individual|subject|librar|sample|batch|lane|channel|plate|pool|run\b|run_|study|dataset|experiment"
    r"|orig\.?_?ident|replicate|mouse|chip|gem_?id|capture",
    re.IGNORECASE,
)
_MEASURES = re.compile(r"size|count|total|^n_|_n$|percent|pct|depth|score", re.IGNORECASE)
_MISSING = "(missing)"  # which cells lack a batch may be what separates labels
_MOST_NUMBERS = 100  # levels of a column of numbers from which on it is taken for a measure


@dataclass(frozen=True)
class Confounding:
    """The output of :func:`scellm.pp.check_confounding`.

    Parameters
    ----------
    label_key
        The label.
    table
        One row a column of `obs`: `verdict`, `levels`, `fewest` (levels of the label with the fewest), `sentence`.
    """

    label_key: str
    table: pd.DataFrame

    @property
    def verdict(self) -> str:
        """The worst of the verdicts, or "" if no column was judged."""
        found = set(self.table["verdict"])
        return next((v for v in (NOT_IDENTIFIABLE, NESTED, CROSSED, ONE_LEVEL) if v in found), "")

    @property
    def sentence(self) -> str:
        """What to know before a score is believed, in one sentence; empty if nothing speaks against it."""
        if self.verdict not in {NOT_IDENTIFIABLE, NESTED}:
            return ""
        return str(self.table.loc[self.table["verdict"] == self.verdict, "sentence"].iloc[0])

    def keys(self, verdict: str) -> list[str]:
        """Columns with a verdict."""
        return list(self.table.index[self.table["verdict"] == verdict])

    def __str__(self) -> str:
        if not len(self.table):
            return f"obs[{self.label_key!r}]: no column of obs looks like a library, a donor or another batch."
        return "\n".join(self.table["sentence"])


def check_confounding(adata: AnnData, label_key: str, *, keys: Sequence[str] | str | None = None) -> Confounding:
    """Say whether a label is identifiable, or the same as the batch that the cells came in.

    If all treated cells are one library and all untreated cells another, a classifier of treatment may read the
    library, and no split of the cells can show it.

    Parameters
    ----------
    adata
        Cells by genes.
    label_key
        Column of `obs` with the label, such as the response to a drug.
    keys
        Columns of `obs` with the library, donor or batch; by default those whose names say so.

    Returns
    -------
    Confounding
        For each column one of: "not identifiable", where each level of the column has one label and a label has one
        level only; "nested, replicated", where each level has one label and every label has two levels or more, so
        that whole levels can be left out; "crossed", where levels hold several labels; "one level". A level belongs to
        a label if 95 % of its cells have it, and a label to its levels if they hold 95 % of its cells.

    Raises
    ------
    KeyError
        If a column does not exist.
    ValueError
        If the label has fewer than two values, or a given column numbers the cells.

    Examples
    --------
    >>> adata.obs["library"] = adata.obs["cell_type"].map({"type 0": "A", "type 1": "B", "type 2": "C"})
    >>> scellm.pp.check_confounding(adata, "cell_type").verdict
    'not identifiable'
    """
    require_anndata(adata, "scellm.pp.check_confounding")
    given = [keys] if isinstance(keys, str) else None if keys is None else list(keys)
    missing = [k for k in [label_key, *(given or [])] if k not in adata.obs]
    if missing:
        msg = f"{missing} are not in adata.obs, which holds {list(adata.obs.columns)[:12]}."
        raise KeyError(msg)
    label = Labels.of(adata.obs, label_key).names
    if len(set(label) - {NO_LABEL}) < 2:
        msg = f"obs[{label_key!r}] holds fewer than two labels: {sorted(set(label) - {NO_LABEL})}."
        raise ValueError(msg)
    chosen = given if given is not None else [k for k in map(str, adata.obs.columns) if _BATCHES.search(k)]
    rows = [_judge(adata, label, label_key, k, given is not None) for k in chosen if k != label_key]
    table = pd.DataFrame([r for r in rows if r], columns=["key", "verdict", "levels", "fewest", "sentence"])
    return Confounding(label_key, table.set_index("key"))


def _judge(adata: AnnData, label: np.ndarray, label_key: str, key: str, given: bool) -> dict | None:  # noqa: FBT001
    """The verdict on one column; `None` for one that numbers the cells, if it was not given."""
    values = adata.obs[key]
    if isinstance(values, pd.DataFrame):
        msg = f"obs holds {values.shape[1]} columns called {key!r}. Rename all but one."
        raise ValueError(msg)
    numeric = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    if numeric and not given and (_MEASURES.search(key) or values.nunique() > _MOST_NUMBERS or _has_decimals(values)):
        return None  # a size or another measure, and no name of a batch
    codes, found = pd.factorize(values.astype(object))  # a cell without a level has the code -1, the last name
    level = np.array([*(text_of(v) or _MISSING for v in found), _MISSING], dtype=object)[codes]
    both = label != NO_LABEL
    table = pd.crosstab(pd.Series(level[both]), pd.Series(label[both]))
    if len(table) > max(_MOST_LEVELS * both.sum(), 1):
        if not given:
            return None
        msg = f"obs[{key!r}] has {len(table):,} levels for {int(both.sum()):,} cells: it numbers the cells."
        raise ValueError(msg)
    verdict, fewest = _verdict(table)
    sentence = _sentence(verdict, key, label_key, table, fewest)
    return {"key": key, "verdict": verdict, "levels": len(table), "fewest": fewest[1], "sentence": sentence}


def _has_decimals(values: pd.Series) -> bool:
    known = values.dropna().to_numpy(np.float64)
    return bool((known != np.floor(known)).any())


def _verdict(table: pd.DataFrame) -> tuple[str, tuple[str, int]]:
    """Verdict on a table of levels by labels; and the label with the fewest levels of its own, with their number."""
    if len(table) < 2 or table.shape[1] < 2:
        return ONE_LEVEL, ("", len(table))
    counts = table.to_numpy(float)
    own = counts / counts.sum(1, keepdims=True) >= _PURE  # (levels, labels)
    determined = (counts * own).sum(0) / counts.sum(0) >= _PURE
    n = own.sum(0)
    fewest = (str(table.columns[int(n.argmin())]), int(n.min()))
    if not determined.all():
        return CROSSED, fewest
    return (NOT_IDENTIFIABLE if n.min() < 2 else NESTED), fewest


def _sentence(verdict: str, key: str, label_key: str, table: pd.DataFrame, fewest: tuple[str, int]) -> str:
    if verdict == NOT_IDENTIFIABLE:
        return (
            f"obs[{label_key!r}] cannot be separated from obs[{key!r}]: each of its {len(table)} levels has one label, "
            f"and {fewest[0]!r} is one level only. Any score may be that of the {key}, and no split of these cells can "
            "show whether it is."
        )
    if verdict == NESTED:
        return (
            f"Each level of obs[{key!r}] has one label of obs[{label_key!r}], and every label has at least {fewest[1]} "
            f"levels: leave whole levels of {key} out, as a random split of the cells overstates."
        )
    if verdict == CROSSED:
        return f"Levels of obs[{key!r}] hold several labels of obs[{label_key!r}]: it is crossed with the label."
    return f"obs[{key!r}] has one level: it cannot be confounded with obs[{label_key!r}], and cannot be left out."

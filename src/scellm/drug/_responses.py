"""Measured drug responses as one table, in one unit, one name a molecule."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from scellm._options import one_of
from scellm.drug._line_names import places_of_lines
from scellm.drug._response_units import KINDS, checked_values
from scellm.drug._standardize_smiles import smiles_of, standardize_smiles


@dataclass(frozen=True)
class Responses:
    """Responses of cell lines to drugs.

    Parameters
    ----------
    table
        ln IC50 in ln uM (or AUC), lower = more sensitive, float64, lines by drugs; NaN where unknown.
    n_repeats
        Measurements that each value is the mean of, int64, lines by drugs.
    smiles
        Standard SMILES of each drug, "" if none was given; indexed by drug.
    synonyms
        Names that were joined, because they are one molecule, and the name they have here.
    kind
        "ln_ic50" (other logarithms were converted) or "auc".
    report
        What was read and what was left out, in one sentence.
    """

    table: pd.DataFrame
    n_repeats: pd.DataFrame
    smiles: pd.Series
    synonyms: dict[str, str] = field(default_factory=dict)
    kind: str = "ln_ic50"
    report: str = ""

    @classmethod
    def of(
        cls,
        pairs: pd.DataFrame,
        lines: pd.Index,
        *,
        smiles: pd.Series | None = None,
        kind: str = "ln_ic50",
        line: str = "line",
        drug: str = "drug",
        value: str = "value",
    ) -> Responses:
        """Read pairs of lines and drugs.

        Parameters
        ----------
        pairs
            One row a measurement.
        lines
            Names of the lines that have a profile; others are left out, and counted.
        smiles
            SMILES, indexed by drug. Drugs that are one molecule are joined under the first name.
        kind
            What the values are: "ln_ic50" (ln uM, as GDSC has), "log10_ic50" (log10 uM), "log10_molar" (log10 mol/l),
            "pic50" (minus log10 mol/l) or "auc".
        line, drug, value
            Columns of `pairs`.

        Returns
        -------
        Responses
            Repeats of a pair averaged.

        Raises
        ------
        KeyError
            If a column does not exist.
        ValueError
            If values are infinite or do not fit `kind`, no line has a profile, or a SMILES cannot be read.
        """
        one_of("value_kind", kind, KINDS)
        if not isinstance(pairs, pd.DataFrame) or not pairs.columns.is_unique:
            what = "with a column twice" if isinstance(pairs, pd.DataFrame) else type(pairs).__name__
            msg = f"responses must be a DataFrame with one row a measurement; found one {what}."
            raise TypeError(msg)
        absent = [c for c in (line, drug, value) if c not in pairs]
        if absent:
            msg = f"responses lack the columns {absent}; found {list(pairs.columns)[:12]}. Rename them."
            raise KeyError(msg)
        places = places_of_lines(pairs[line], lines)
        values = checked_values(pairs[value], kind, pairs[[line, drug]])
        names, texts, synonyms = _molecules(pairs[drug], smiles)
        kept = (places >= 0) & np.isfinite(values) & names.notna().to_numpy()
        long = pd.DataFrame({"line": lines[places[kept]], "drug": names[kept], "value": values[kept]})
        grouped = long.groupby(["line", "drug"], sort=False)["value"]
        table, n = (x.unstack("drug") for x in (grouped.mean(), grouped.size()))
        order = (lines[lines.isin(table.index)], sorted(table.columns))
        table, n = (x.loc[order].rename_axis(index=None, columns=None) for x in (table, n.fillna(0).astype(np.int64)))
        report = _report(pairs, (line, drug), places, values, table, synonyms)
        known = texts.reindex(table.columns).fillna("").rename("smiles")
        return cls(table, n, known, synonyms, "auc" if kind == "auc" else "ln_ic50", report)


def _molecules(drugs: pd.Series, smiles: pd.Series | None) -> tuple[pd.Series, pd.Series, dict[str, str]]:
    """Name of the molecule of each row, standard SMILES by name, and the names that were joined."""
    names = drugs.astype(object).where(drugs.notna()).map(lambda v: str(v).strip(), na_action="ignore")
    if smiles is None:
        return names, pd.Series(dtype=object), {}
    smiles = smiles_of(smiles)
    given = smiles[smiles.notna()]
    given.index = given.index.map(lambda v: str(v).strip())
    if not given.index.is_unique:
        twice = given.index[given.index.duplicated()][0]
        msg = f"smiles holds {twice!r} several times. Keep one row a drug."
        raise ValueError(msg)
    texts = standardize_smiles(given[given.index.isin(set(names.dropna()))])
    first = texts.sort_index().reset_index().drop_duplicates(texts.name if texts.name is not None else 0)
    by_text = dict(zip(first.iloc[:, 1], first.iloc[:, 0], strict=True))
    joined = {str(name): str(by_text[text]) for name, text in texts.items() if by_text[text] != name}
    return names.replace(joined), texts.drop(list(joined)), joined


def _report(
    pairs: pd.DataFrame,
    columns: tuple[str, str],
    places: np.ndarray,
    values: np.ndarray,
    table: pd.DataFrame,
    synonyms: dict[str, str],
) -> str:
    line, drug = columns
    without = places < 0
    if not table.size:
        msg = "No response is left: all values are missing, or all drugs unnamed."
        raise ValueError(msg)
    text = f"{int(table.notna().to_numpy().sum()):,} responses of {len(table):,} lines to {table.shape[1]:,} drugs"
    left_out = []
    if without.any():
        some = list(dict.fromkeys(pairs[line][without].astype(str)))
        left_out.append(f"{int(without.sum()):,} rows of {len(some):,} lines without a profile, such as {some[:3]}")
    missing = int((~np.isfinite(values) & ~without).sum())
    if missing:
        left_out.append(f"{missing:,} rows without a value")
    unnamed = int((pairs[drug].isna().to_numpy() & ~without & np.isfinite(values)).sum())
    if unnamed:
        left_out.append(f"{unnamed:,} rows without a drug")
    repeats = int((~without & np.isfinite(values)).sum()) - int(table.notna().to_numpy().sum()) - unnamed
    text += f"; {repeats:,} repeats averaged" if repeats > 0 else ""
    text += f"; {len(synonyms):,} names joined as synonyms, such as {list(synonyms.items())[:2]}" if synonyms else ""
    return text + (f"; left out: {'; '.join(left_out)}" if left_out else "")

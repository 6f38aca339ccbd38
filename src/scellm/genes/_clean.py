"""Names that other programs have changed, back to names of genes."""

from __future__ import annotations

import re

import pandas as pd

_PREFIX = (
    r"(?i)^(?:GRCh3[78](?:-\d{4}-[A-Z])?|hg(?:19|38)|hsa|hs|human|h[_-]?sapiens|homo[_-]sapiens)"
    r"(?:[_-]?pre[_-]?mrna)?[_-]+(?=\S)"
)
"""Cell Ranger's prefix when two genomes share a reference, and others' prefixes for a species."""

_ENSEMBL = r"(ENSG\d{11})(?:\.\d+)?(?:_PAR_Y)?"
_VERSION = rf"^{_ENSEMBL}$"  # with a version, and with GENCODE's mark of the copy on Y
_ENSEMBL_WITHIN = rf"(?:^|[^A-Za-z0-9]){_ENSEMBL}(?:$|[^0-9])"  # "CD3E_ENSG00000198851", "ENSG...|CD3E"
_FIRST_OF_TWO = r"^([A-Za-z][\w.-]*)\s*(?:[|:;/,].*|\(\d+\)|\[.*\])$"  # "CD3E|a1b2", "CD3E (916)"
_SECOND_OF_TWO = r"^[\w.-]+[|:;/,]([A-Za-z][\w.-]*)$"  # "AL627309.1|OR4F5"
_MADE_UNIQUE = r"[-.]\d+$"  # suffix of `var_names_make_unique` and of R's make.unique

_MONTHS = {"mar": "MARCH", "sep": "SEPT", "dec": "DEC"}
_WORD = r"(mar(?:ch)?|sept?(?:ember)?|dec(?:ember)?)"
_DAY_FIRST = re.compile(rf"^0?(\d{{1,2}})[-/. ]?{_WORD}$", re.IGNORECASE)  # "2-Sep"
_MONTH_FIRST = re.compile(rf"^{_WORD}[-/. ]0?(\d{{1,2}})$", re.IGNORECASE)  # "Sep-02"
_DATE = re.compile(r"^\d{4}-(03|09|12)-(\d{2})(?:[ T]00:00:00)?$")  # "2021-09-02"
_EXCEL = r"(?i)^(?:\d{1,2}[-/. ]?(?:mar|sep|dec)|(?:mar|sep|dec)[a-z]*[-/. ]\d|\d{4}-(?:03|09|12)-\d\d)"
_AMBIGUOUS = {"MARCH1", "MARCH2"}  # "1-Mar" was MARCH1 or MARC1: two genes


def plain(names: pd.Index) -> pd.Index:
    """Names without spaces, prefixes of a genome, and versions of Ensembl."""
    names = names.str.strip().str.replace(_PREFIX, "", regex=True)
    return names.str.replace(_VERSION, r"\1", regex=True)


def repaired(names: pd.Index) -> list[pd.Index]:
    """Further forms of names that are still unknown, to be tried one after the other.

    Parameters
    ----------
    names
        The output of :func:`plain`.

    Returns
    -------
    list of pandas.Index
        An Ensembl id within the name; the first and the second of two joined names; a date of Excel as the gene that it
        was; and a name whose hyphens R's `make.names` had turned into dots. A name that a form does not concern is "".
    """
    within = names.to_series().str.extract(_ENSEMBL_WITHIN, expand=False).fillna("")
    first = names.to_series().str.extract(_FIRST_OF_TWO, expand=False).fillna("")
    second = names.to_series().str.extract(_SECOND_OF_TWO, expand=False).fillna("")
    dates = names.to_series().where(names.str.contains(_EXCEL, regex=True), "").map(_from_excel)
    dots = names.to_series().str.replace(".", "-", regex=False).where(names.str.contains(".", regex=False), "")
    return [pd.Index(forms.to_numpy(dtype=object)) for forms in (within, first, second, dates, dots)]


def made_unique(names: pd.Index) -> pd.Index:
    """Names without the number that `var_names_make_unique` or R's `make.unique` adds."""
    return names.str.replace(_MADE_UNIQUE, "", regex=True)


def _from_excel(name: str) -> str:
    if not name:
        return ""
    found = _DAY_FIRST.match(name)
    month, day = (found[2], found[1]) if found else ("", "")
    if not found and (found := _MONTH_FIRST.match(name)):
        month, day = found[1], found[2]
    if not found and (found := _DATE.match(name)):
        month, day = {"03": "mar", "09": "sep", "12": "dec"}[found[1]], found[2]
    gene = f"{_MONTHS[month[:3].lower()]}{int(day)}" if found else ""
    return "" if gene in _AMBIGUOUS else gene

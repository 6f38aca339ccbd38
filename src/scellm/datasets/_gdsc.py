"""Responses of cancer cell lines to drugs: Genomics of Drug Sensitivity in Cancer."""

from __future__ import annotations

import pandas as pd

from scellm._options import one_of
from scellm.datasets._files import PublicFile

# One name, two files: the older address has other columns and other hashes.
_AT = "https://cmp.cog.sanger.ac.uk/download"
RELEASES = {
    1: PublicFile(
        "GDSC1_fitted_dose_response_27Oct23.xlsx",
        f"{_AT}/GDSC1_fitted_dose_response_27Oct23.xlsx",
        "6dfad242263d93b6814cc51146b15346d3c69abe1aba834a0977ba9e3fd3b6a5",
    ),
    2: PublicFile(
        "GDSC2_fitted_dose_response_27Oct23.xlsx",
        f"{_AT}/GDSC2_fitted_dose_response_27Oct23.xlsx",
        "0e99120a14a003dcbd3c27c020f1cfd35e38ee091067a2406f66c0d4dbc1c899",
    ),
}
_COLUMNS = {
    "SANGER_MODEL_ID": "line",
    "CELL_LINE_NAME": "line_name",
    "DRUG_ID": "drug_id",
    "DRUG_NAME": "drug",
    "LN_IC50": "ln_ic50",
    "AUC": "auc",
    "Z_SCORE": "z_score",
    "MAX_CONC": "max_conc",
}


def gdsc(release: int = 2) -> pd.DataFrame:
    """Fitted responses of GDSC release 8.5 (October 2023).

    The data are free for research that is not commercial, and may not be passed on: read the terms of the Sanger
    Institute before you train on them.

    Parameters
    ----------
    release
        1 or 2: the two assays, which must not be mixed.

    Returns
    -------
    pandas.DataFrame
        One row per measurement: `line` (Sanger model id), `line_name`, `drug_id`, `drug`, `ln_ic50` (natural logarithm
        of uM; beyond `max_conc` it is extrapolated), `auc` (1: no effect), `z_score`, `max_conc` (uM). A drug may have
        several ids.

    Raises
    ------
    ConnectionError
        If the file cannot be downloaded.
    ImportError
        If openpyxl is not installed.
    ValueError
        If the release is not known, the file does not have the published hash, or a column is missing.

    Examples
    --------
    >>> table = scellm.datasets.gdsc(2)  # doctest: +SKIP
    """
    one_of("release", release, RELEASES)
    path = RELEASES[release].fetch()
    try:
        table = pd.read_excel(path, sheet_name=0, engine="openpyxl")
    except ImportError as error:
        msg = "GDSC is published as xlsx, which needs openpyxl: pip install 'scellm[drug]'."
        raise ImportError(msg) from error
    missing = [c for c in _COLUMNS if c not in table]
    if missing:
        msg = f"{path.name} lacks {missing}; it holds {list(table.columns)}."
        raise ValueError(msg)
    return table[list(_COLUMNS)].rename(columns=_COLUMNS)

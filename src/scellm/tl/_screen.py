"""Which drugs for which groups of cells."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from os import PathLike

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm import _keys
from scellm._inputs import own_entries
from scellm._on_disk import copy_of
from scellm._options import in_range
from scellm.data._pseudobulk import GeneCounts
from scellm.drug import Profiles
from scellm.model import DrugResponse
from scellm.model._response_answers import DISCLAIMER
from scellm.tl._columns import column_names
from scellm.tl._model import as_drug_response, check_call
from scellm.tl._provenance import record
from scellm.tl._screen_groups import Groups
from scellm.tl._screen_table import patient_summary, screen_table

SINGLE_CELLS = (
    "Predictions of single cells follow their depth and are far worse than those of groups (user guide, 'Drug "
    "response'): use them to look at groups, not to rank drugs for a cell."
)
_MOST_CELLS = 512
_UNITS = {"ln_ic50": "ln IC50 in ln uM", "auc": "area under the curve"}
_RESERVED = (_keys.PREPARE, _keys.PROFILES, _keys.SLOTS)


def screen(
    adata: AnnData,
    model: DrugResponse | str | PathLike,
    *,
    groupby: str | None,
    drugs: Sequence[str] | pd.Series | None = None,
    donor_key: str | None = None,
    reference: str | Sequence[str] | None = None,
    min_cells: int = 30,
    n_boot: int = 200,
    level: float = 0.8,
    seed: int = 0,
    key_added: str = _keys.SCREEN,
    copy: bool = False,
) -> AnnData | None:
    """Rank drugs for groups of cells, such as the clones of a tumour: most sensitive first.

    The counts of a group are summed over its cells, donor by donor, and the sum is read as a bulk profile. Drugs are
    ranked by the deviation from their mean over cell lines, since the absolute value ranks toxins first in every
    tumour. Not for clinical use: predictions from cell lines do not say how a patient responds.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    model
        A trained :class:`scellm.DrugResponse`, or the folder that `save` wrote.
    groupby
        Column of `obs` with the groups; cells without one are left out. `None` predicts single cells, with a warning:
        they follow depth.
    drugs
        Names of drugs, or SMILES indexed by drug; by default all that the model knows.
    donor_key
        Column of `obs` with the donor; groups are then summed in each donor alone, and summarised by donor.
    reference
        Group or groups of normal cells. The table then has `selectivity`, the deviation minus that of the reference (of
        the same donor if it has one): negative is more sensitive than normal cells.
    min_cells
        Groups with fewer cells get no number.
    n_boot
        Resamplings of the cells of a group.
    level
        Level of the intervals, from the errors on cell lines that were left out and from the resampled cells together.
        The errors on tumours are larger than those on lines.
    seed
        Seed of the resampling.
    key_added
        Name in `uns["celllm"]`, and of the slot in `obsm` for single cells.
    copy
        Return a copy and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.uns['celllm']['screen']` : :class:`pandas.DataFrame`
        One row a group, donor and drug: `value` (ln IC50 in ln uM, or AUC), `relative` (minus the drug's mean), `rank`
        (1 is the most sensitive), `low` and `high` of `relative` (NaN for unseen drugs), `selectivity`, `n_cells`,
        `similarity` to the nearest cell line, `in_domain`. NaN where a group is too small or resembles no cell line.
    `adata.uns['celllm']['screen_summary']` : :class:`pandas.DataFrame`
        One row a donor and drug: `worst_group`, the most resistant group, `worst`, its deviation, `mean`, that of the
        groups weighted by cells, and `share`, the share of the donor's cells in groups that got a number. The reference
        is left out.
    `adata.obsm['screen']` : :class:`pandas.DataFrame`
        For single cells only: deviations, float32, cells by drugs.

    Raises
    ------
    KeyError
        If a column, a group or a drug does not exist.
    ValueError
        If no group is large enough, or all groups get the same prediction, which means that the profiles could not be
        compared with the cell lines.
    RuntimeError
        If the model was not trained.

    Examples
    --------
    >>> scellm.tl.screen(adata, model, groupby="clone", donor_key="patient")  # doctest: +SKIP
    >>> adata.uns["celllm"]["screen"].query("rank <= 5")  # doctest: +SKIP
    """
    check_call(adata, key_added, "scellm.tl.screen")
    if key_added in _RESERVED or key_added.endswith("_summary"):
        msg = (
            f"key_added={key_added!r} is a name that scellm keeps other facts under. Pass another, such as 'screen_2'."
        )
        raise ValueError(msg)
    model = as_drug_response(model, "scellm.tl.screen")
    in_range("min_cells", min_cells, 1, whole=True)
    in_range("n_boot", n_boot, 0, whole=True)
    in_range("level", level, 0, 1, open_low=True, open_high=True)
    in_range("seed", seed, 0, whole=True)
    drugs = list(drugs) if isinstance(drugs, Iterator) else drugs
    _check_drugs(model, drugs)
    if groupby is None and not (donor_key is None and reference is None):
        msg = "groupby=None predicts single cells, without donor_key or reference. Pass groupby=, or leave these out."
        raise ValueError(msg)
    groups = None if groupby is None else Groups.of(adata, groupby, donor_key, reference)
    adata = copy_of(adata) if copy else adata
    facts = {"disclaimer": DISCLAIMER, "values": _UNITS[model._learned().kind]}
    if groups is None:
        warnings.warn(SINGLE_CELLS, UserWarning, stacklevel=2)
        adata.obsm[key_added] = _single_cells(adata, model, drugs)
        record(adata, "screen", model, {key_added: "obsm"}, sentence=SINGLE_CELLS, **facts)
        return adata if copy else None
    table = screen_table(adata, model, groups, drugs, (min_cells, n_boot, level, seed))
    ours = own_entries(adata, _keys.UNS)
    summary = patient_summary(table, groups.reference)
    adata.uns[_keys.UNS] = {**ours, key_added: table, f"{key_added}_summary": summary}
    options = {"groupby": groupby, "donor_key": donor_key, "reference": groups.reference, "level": level}
    record(adata, "screen", model, {key_added: "uns"}, options=json.dumps(options), **facts)
    return adata if copy else None


def _check_drugs(model: DrugResponse, drugs: Sequence[str] | pd.Series | None) -> None:
    """Raise for drugs that cannot be predicted, or are named twice, before the data are touched."""
    names, _, _ = model.asked_drugs(drugs)
    twice = [n for n in dict.fromkeys(names) if names.count(n) > 1]
    if twice:
        msg = f"drugs= names {twice[:3]} several times. Name each drug once."
        raise ValueError(msg)


def _single_cells(adata: AnnData, model: DrugResponse, drugs: Sequence[str] | pd.Series | None) -> pd.DataFrame:
    """Deviations of every cell, float32, (cells, drugs)."""
    counts = GeneCounts(adata)
    parts: list[np.ndarray] = []
    names: list[str] = []
    for start in range(0, adata.n_obs, _MOST_CELLS):
        rows = np.arange(start, min(start + _MOST_CELLS, adata.n_obs))
        profiles = Profiles(counts.rows(rows), counts.genes, "counts")
        found = model._relative(profiles, drugs)
        names = column_names(found.drugs)
        parts.append(found.relative.astype(np.float32))
    return pd.DataFrame(np.concatenate(parts), index=adata.obs_names, columns=names)

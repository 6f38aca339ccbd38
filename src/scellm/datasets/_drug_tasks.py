"""Ready benchmark tasks of drug responses (IC50)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from anndata import AnnData

from scellm._options import one_of
from scellm.bm.drug import DrugData, DrugSplit, DrugTask, RandomPairs, UnseenDrugs, UnseenLines, UnseenTissues
from scellm.datasets._depmap import depmap
from scellm.datasets._files import data_folder
from scellm.datasets._gdsc import gdsc

DRUG_TASKS: dict[str, Callable[[], DrugSplit]] = {
    "IC50, unseen lines": UnseenLines,
    "IC50, unseen tissues": UnseenTissues,
    "IC50, unseen drugs": UnseenDrugs,
    "IC50, random pairs": RandomPairs,
}
"""Ready tasks of drug responses by name: the split of each."""

ENOUGH = 300
"""Lines that a drug was measured on."""

_FILES = ("gdsc_expression_975x6163.h5ad", "gdsc{}_ic50_pairs.csv.gz", "gdsc_drug_smiles.csv")
_SOME = (
    "{}/drug lacks {}, so none of its files is used, and GDSC and DepMap are downloaded: other expression, no SMILES. "
    "Put the missing files there, or name another folder in SCELLM_DATA_DIR."
)
_NAMES = (
    "The downloaded files have no SMILES: a molecule that GDSC has under two names may be learned under one and tested "
    "under the other. Add smiles= to the data of the task (scellm.bm.drug.DrugData)."
)


def drug_tasks(
    names: str | Sequence[str] | None = None, *, release: int = 2, folder: str | PathLike | None = None
) -> list[DrugTask]:
    """Ready tasks of IC50 for :func:`scellm.bm.drug.run_drugs`: GDSC on expression of cell lines.

    Repeats of a line and a drug are averaged, and drugs measured on fewer than 300 lines are left out. How the four
    splits differ is on the page "Drug response": random pairs test little, as line and drug are both known.

    Parameters
    ----------
    names
        Keys of `scellm.datasets.DRUG_TASKS`; by default all.
    release
        GDSC 1 or 2: two assays, which must not be mixed.
    folder
        Folder with `drug/gdsc_expression_975x6163.h5ad`, `drug/gdsc1_ic50_pairs.csv.gz` and so on; by default the one
        that `SCELLM_DATA_DIR` names. If they are not there, :func:`gdsc` and :func:`depmap` are downloaded: then there
        is expression of more genes, no SMILES, and a line is called by its Sanger model id.

    Returns
    -------
    list of bm.drug.DrugTask
        Each with its split, on the same data.

    Raises
    ------
    ValueError
        If a name or the release is not known.
    FileNotFoundError
        If `folder` is given and lacks a file.
    ConnectionError
        If the files are not there and cannot be downloaded.
    ImportError
        If the files are not there and openpyxl is not installed.

    Warns
    -----
    UserWarning
        If there are no SMILES for "IC50, unseen drugs", or the folder that `SCELLM_DATA_DIR` names has some of the
        files and not all.

    Examples
    --------
    >>> tasks = scellm.datasets.drug_tasks("IC50, unseen lines")  # doctest: +SKIP
    >>> results = scellm.bm.drug.run_drugs(tasks, methods)  # doctest: +SKIP
    """
    chosen = [names] if isinstance(names, str) else list(DRUG_TASKS if names is None else names)
    for name in chosen:
        one_of("names", name, DRUG_TASKS)
    one_of("release", release, (1, 2))
    where = data_folder() if folder is None else Path(folder)
    files = [] if where is None else [where / "drug" / name.format(release) for name in _FILES]
    lacking = [f.name for f in files if not f.exists()]
    if lacking and folder is not None:
        msg = (
            f"{where}/drug lacks {lacking}. Pass the folder that holds them, or no folder, to download GDSC and DepMap."
        )
        raise FileNotFoundError(msg)
    if 0 < len(lacking) < len(files):
        warnings.warn(_SOME.format(where, lacking), UserWarning, stacklevel=2)
    data = _from_files(*files) if files and not lacking else _downloaded(release)
    if data.smiles is None and "IC50, unseen drugs" in chosen:
        warnings.warn(_NAMES, UserWarning, stacklevel=2)
    return [DrugTask(name, data, DRUG_TASKS[name]()) for name in chosen]


def _from_files(expression: Path, pairs: Path, smiles: Path) -> DrugData:
    """The files of a data folder; its README describes them."""
    lines = ad.read_h5ad(expression)
    lines.X = (lines.X / 100).astype(np.float32)  # stored in hundredths
    molecules = pd.read_csv(smiles).set_index("drug")["smiles"]
    return DrugData(lines, _wide(pd.read_csv(pairs), lines.obs_names), molecules, "tissue")


def _downloaded(release: int) -> DrugData:
    """GDSC's responses on DepMap's expression, joined by Sanger model id."""
    responses, lines = gdsc(release), depmap()
    lines = _by_sanger_id(lines)
    return DrugData(lines, _wide(responses, lines.obs_names), None, "OncotreeLineage")


def _by_sanger_id(lines: AnnData) -> AnnData:
    """Lines that have a Sanger model id, called by it; the first of those that share one."""
    ids = lines.obs["SangerModelID"]
    kept = (ids.notna() & (ids.astype(str) != "") & ~ids.duplicated()).to_numpy()
    found = lines[kept].copy()
    found.obs_names = ids[kept].astype(str).to_numpy()
    return found


def _wide(pairs: pd.DataFrame, lines: pd.Index) -> pd.DataFrame:
    """Ln IC50, lines by drugs."""
    table = pairs.pivot_table(index="line", columns="drug", values="ln_ic50", aggfunc="mean")
    table = table.loc[table.index.intersection(lines)]
    return table.loc[:, table.notna().sum() >= ENOUGH]

"""Ready benchmark tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import anndata as ad
import numpy as np
from anndata import AnnData

from scellm import bm
from scellm._options import one_of
from scellm.datasets._baron import baron
from scellm.datasets._files import FOLDER, data_folder
from scellm.datasets._pbmc3k import pbmc3k

LABELS = "cell_type"
_CORE = 16  # letters of a 10x barcode; sets of one study are suffixed differently


def tasks(names: str | Sequence[str] | None = None, *, folder: str | PathLike | None = None) -> list[bm.Task]:
    """Ready tasks of cell types, for :func:`scellm.bm.run`.

    Parameters
    ----------
    names
        Keys of `scellm.datasets.TASKS`; by default all whose files are there or can be downloaded.
    folder
        Folder with the evaluation sets as `eval/NAME.h5ad`; by default the one that `SCELLM_DATA_DIR` names. "PBMC3k"
        and "Baron, donor 1" are downloaded if their files are not there.

    Returns
    -------
    list of bm.Task
        Each with its split. "pancreas across studies" is one task for each study, which is left out.

    Raises
    ------
    ValueError
        If a name is not known.
    FileNotFoundError
        If a named task's file is not there and cannot be downloaded.

    Examples
    --------
    >>> results = scellm.bm.run(scellm.datasets.tasks("PBMC3k"), methods)  # doctest: +SKIP
    """
    where = data_folder() if folder is None else Path(folder)
    chosen = [names] if isinstance(names, str) else list(TASKS if names is None else names)
    found: list[bm.Task] = []
    for name in chosen:
        one_of("names", name, TASKS)
        try:
            found += TASKS[name](where)
        except (FileNotFoundError, ConnectionError):
            if names is not None:
                raise
    return found


def _read(folder: Path | None, name: str, otherwise: Callable[[], AnnData] | None = None) -> AnnData:
    """An evaluation set; downloaded if it can be."""
    path = None if folder is None else folder / "eval" / f"{name}.h5ad"
    if path is not None and path.exists():
        return ad.read_h5ad(path)
    if otherwise is not None:
        return otherwise()
    where = f"{FOLDER}, which is not set" if folder is None else str(folder)
    msg = f"{name}.h5ad is not at hand: looked for in eval/ of {where}. Pass folder=, or set {FOLDER}."
    raise FileNotFoundError(msg)


def _sorted_zheng(folder: Path | None) -> list[bm.Task]:
    """Two sets of sorted blood cells of one study; cells that may be in both are left out of the second."""
    first, second = _read(folder, "pbmc_sorted_zheng3500"), _read(folder, "pbmc_facs_sorted_zheng3874")
    known = set(first.obs_names.str[:_CORE])
    second = second[[name[:_CORE] not in known for name in second.obs_names]].copy()
    return [
        bm.Task("sorted Zheng, 7 types", first, LABELS, bm.Stratified()),
        bm.Task("sorted Zheng, 10 types", second, LABELS, bm.Stratified()),
    ]


def _across_studies(folder: Path | None) -> list[bm.Task]:
    """Each study of the pancreas atlas in turn, by a model of the others."""
    atlas = _read(folder, "pancreas_atlas")
    studies = sorted(atlas.obs["dataset"].astype(str).unique())
    return [bm.Task(f"pancreas, {s} left out", atlas, LABELS, bm.LeaveOut("dataset", [s])) for s in studies]


def _of_one(name: str, file: str, otherwise: Callable[[], AnnData] | None = None) -> Callable:
    """A task on one set, a fifth of every type tested."""
    return lambda folder: [bm.Task(name, _read(folder, file, otherwise), LABELS, bm.Stratified())]


def _tumour_or_normal(folder: Path | None) -> list[bm.Task]:
    """Tissue of origin: tumour cells and what surrounds them, or normal tissue."""
    adata = _read(folder, "colorectal_tumor_normal")
    return [bm.Task("colorectal, tumour or normal", adata, "origin", bm.Stratified())]


def _pc9(folder: Path | None) -> list[bm.Task]:
    """The label is the library, so this task shows what a library is worth, not a drug."""
    adata = _read(folder, "pc9_erlotinib")
    adata.obs["library"] = np.where(adata.obs[LABELS] == "sensitive", "control", "erlotinib")
    return [bm.Task("PC9, which library", adata, "library", bm.Stratified())]


TASKS: dict[str, Callable[[Path | None], list[bm.Task]]] = {
    "PBMC3k": _of_one("PBMC3k", "pbmc3k", pbmc3k),
    "sorted Zheng": _sorted_zheng,
    "Baron, donor 1": _of_one("Baron, donor 1", "pancreas_baron_h1", lambda: baron([1])),
    "pancreas": _of_one("pancreas", "pancreas_atlas"),
    "pancreas across studies": _across_studies,
    "lung": _of_one("lung", "lung_lca1000"),
    "bone marrow": _of_one("bone marrow", "bmmc_neurips2021_5k"),
    "colorectal": _of_one("colorectal", "colorectal_tumor_normal"),
    "colorectal, tumour or normal": _tumour_or_normal,
    "PC9, which library": _pc9,
}
"""Ready tasks by name; those of IC50 are in :func:`scellm.datasets.drug_tasks`."""

"""The table of a screen: one row a group, donor and drug."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from scipy.special import ndtri

from scellm.data._pseudobulk import GeneCounts
from scellm.drug import Domain, Profiles
from scellm.model import DrugResponse
from scellm.tl._screen_groups import Groups

_CONSTANT, _ALIKE = 0.05, 0.2
_NUMBERS = ("value", "relative", "rank", "low", "high", "selectivity")


def screen_table(
    adata: AnnData,
    model: DrugResponse,
    groups: Groups,
    drugs: Sequence[str] | pd.Series | None,
    options: tuple[int, int, float, int],
) -> pd.DataFrame:
    """Predict all groups.

    Parameters
    ----------
    adata, model, groups, drugs
        As for :func:`scellm.tl.screen`.
    options
        `min_cells`, `n_boot`, `level`, `seed`.

    Returns
    -------
    pandas.DataFrame
        Sorted by donor, group and rank.
    """
    min_cells, n_boot, level, seed = options
    n_cells = groups.n_cells
    if (n_cells < min_cells).all():
        msg = (
            f"No group has {min_cells} cells: the largest has {n_cells.max()}. Merge groups, leave donor_key out, or "
            "lower min_cells: predictions of few cells follow chance."
        )
        raise ValueError(msg)
    counts = GeneCounts(adata)
    inside = np.flatnonzero(groups.code >= 0)
    member = sp.csr_matrix(
        (np.ones(len(inside)), (groups.code[inside], np.arange(len(inside)))), (len(n_cells), len(inside))
    )
    profiles = Profiles(counts.sums(member, inside), counts.genes, "counts")
    found = model._relative(profiles, drugs, level)
    route = model._learned().features.route
    domain, large = route.domain(profiles), n_cells >= min_cells
    kept = large & domain.inside
    _warn(groups, large, domain, min_cells)
    require_variation(found.of_known[kept], route.deviations(profiles)[kept], model._learned().typical)
    spread = _bootstrap(counts, model, groups, drugs, np.flatnonzero(kept), (n_boot, seed))
    width = np.sqrt(found.half_width**2 + (ndtri((1 + level) / 2) * spread) ** 2)  # (groups, drugs)
    shown = np.where(kept[:, None], found.relative, np.nan)
    return _tidy(
        groups, found.drugs, found.mean, shown, width, {"similarity": domain.similarity, "in_domain": domain.inside}
    )


def _bootstrap(
    counts: GeneCounts,
    model: DrugResponse,
    groups: Groups,
    drugs: Sequence[str] | pd.Series | None,
    chosen: np.ndarray,
    options: tuple[int, int],
) -> np.ndarray:
    """Standard deviation of the deviations of each group when its cells are drawn again, (groups, drugs)."""
    n_boot, seed = options
    n_drugs = len(model.asked_drugs(drugs)[0])
    spread = np.zeros((len(groups.table), n_drugs))
    if n_boot < 2:
        return spread
    rng = np.random.default_rng(seed)
    for group in chosen:
        cells = groups.cells(group)
        draws = rng.multinomial(len(cells), np.full(len(cells), 1 / len(cells)), size=n_boot)  # (draws, cells)
        sums = Profiles(counts.sums(sp.csr_matrix(draws.astype(float)), cells), counts.genes, "counts")
        spread[group] = model._relative(sums, drugs).relative.std(0)
    return spread


def _warn(groups: Groups, large: np.ndarray, domain: Domain, min_cells: int) -> None:
    foreign = large & ~domain.inside
    name = lambda mask: [" of ".join(filter(None, r)) for r in groups.table[mask].head(3).itertuples(index=False)]
    found = []
    if not domain.enough_genes:
        found.append(
            f"the data hold {domain.genes:.0%} of the genes that the model learned from: no group is in its domain."
        )
    elif foreign.any():
        found.append(
            f"{int(foreign.sum()):,} groups, such as {name(foreign)}, resemble no cell line (similarity below "
            f"{domain.threshold:.2f}) and get no number."
        )
    if not large.all():
        found.append(f"{int((~large).sum()):,} groups, such as {name(~large)}, have fewer than {min_cells} cells.")
    if found:
        warnings.warn("Screen: " + " ".join(found), UserWarning, stacklevel=4)


def _tidy(
    groups: Groups,
    names: list[str],
    mean: np.ndarray,
    relative: np.ndarray,
    width: np.ndarray,
    of_group: dict[str, np.ndarray],
) -> pd.DataFrame:
    n, m = relative.shape
    rank = pd.DataFrame(relative).rank(axis=1, method="min").to_numpy()
    wide = {
        "value": relative + mean,
        "relative": relative,
        "rank": rank,
        "low": relative - width,
        "high": relative + width,
        "selectivity": _selectivity(groups, relative),
    }
    table = pd.DataFrame({k: v.reshape(-1) for k, v in wide.items()})
    table.insert(0, "group", np.repeat(groups.table["group"].astype(str).to_numpy(), m))
    table.insert(1, "donor", np.repeat(groups.table["donor"].astype(str).to_numpy(), m))
    table.insert(2, "drug", np.tile(np.array(names, dtype=object), n))
    for key, values in {"n_cells": groups.n_cells, **of_group}.items():
        table[key] = np.repeat(values, m)
    table = table.sort_values(["donor", "group", "rank"], kind="stable", ignore_index=True)
    return table if groups.reference else table.drop(columns="selectivity")


def _selectivity(groups: Groups, relative: np.ndarray) -> np.ndarray:
    """Deviations minus those of normal cells, weighted by cells, (groups, drugs); NaN where there are none."""
    out = np.full_like(relative, np.nan)
    if not groups.reference:
        return out
    n_cells = groups.n_cells
    for group in range(len(relative)):  # groups are few
        normal = groups.reference_of(group, np.isfinite(relative).all(1))
        if len(normal):
            out[group] = relative[group] - np.average(relative[normal], axis=0, weights=n_cells[normal])
    return out


def require_variation(relative: np.ndarray, profiles: np.ndarray, typical: float) -> None:
    """Raise ValueError if groups whose profiles differ get the drugs' means, or all the same numbers.

    Parameters
    ----------
    relative
        Deviations of all known drugs, (groups, known drugs).
    profiles
        Deviations of genes, (groups, genes).
    typical
        How much the deviations of drugs vary over cell lines.
    """
    if not len(relative):
        return
    size, between = float(np.sqrt((relative**2).mean())), float(relative.std(0).mean())
    apart = float(profiles.std(0).mean()) if len(profiles) > 1 else 0.0  # 1 between cell lines
    if size >= _CONSTANT * typical and (between >= _CONSTANT * typical or apart < _ALIKE):
        return
    what = "the drugs' means" if size < _CONSTANT * typical else "the same for all groups, whose profiles differ"
    msg = (
        f"The predictions are {what}: they vary by {min(size, between):.3g}, and those of cell lines by {typical:.3g}. "
        "The profiles could not be compared with the cell lines. Check the genes (scellm.pp.inspect) and the counts."
    )
    raise ValueError(msg)


def patient_summary(table: pd.DataFrame, reference: Sequence[str]) -> pd.DataFrame:
    """Of each donor and drug, the most resistant group and the mean over groups weighted by cells."""
    table = table[~table["group"].isin(list(reference))]
    known = table[np.isfinite(table["relative"])]
    if known.empty:
        return pd.DataFrame({"donor": [], "drug": [], "worst_group": [], "worst": [], "mean": [], "share": []})
    by = known.groupby(["donor", "drug"], sort=False)
    worst = known.loc[by["relative"].idxmax()].set_index(["donor", "drug"])
    weighted = (known["relative"] * known["n_cells"]).groupby([known["donor"], known["drug"]], sort=False).sum()
    total = by["n_cells"].sum()
    everything = table.drop_duplicates(["donor", "group"]).groupby("donor")["n_cells"].sum()
    share = total / everything.reindex(total.index.get_level_values("donor")).to_numpy()
    found = pd.DataFrame(
        {"worst_group": worst["group"], "worst": worst["relative"], "mean": weighted / total, "share": share}
    )
    return found.reset_index().sort_values(["donor", "worst"], ignore_index=True)

"""What DrugResponse answers: predictions, their parts, their intervals, and whether profiles are known ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from torch import Tensor

from scellm import _keys
from scellm._inputs import own_entries, require_anndata
from scellm._labels import text_of
from scellm._options import in_range
from scellm.drug import Profiles, standardize_smiles
from scellm.drug._standardize_smiles import smiles_of
from scellm.model._drug_features import DrugFeatures
from scellm.model._response_state import ResponseState
from scellm.model._saved_response import SavedResponse
from scellm.nn._response_network import DrugInput, ResponseNetwork

DISCLAIMER = "Predicted from cell lines; not for clinical use."


@dataclass(frozen=True)
class Predicted:
    """Predictions of profiles.

    Parameters
    ----------
    drugs
        Names.
    mean
        Mean of each drug over the training lines, (drugs,).
    relative
        Deviations from it, (profiles, drugs).
    half_width
        Half an interval of each drug, (drugs,); NaN if none was asked, or none is known.
    of_known
        Deviations of all known drugs, (profiles, known drugs); their mean is the line's effect.
    """

    drugs: list[str]
    mean: np.ndarray
    relative: np.ndarray
    half_width: np.ndarray
    of_known: np.ndarray


class ResponseAnswers(SavedResponse):
    """The methods of DrugResponse that answer."""

    def predict(
        self,
        adata: AnnData | None = None,
        drugs: Sequence[str] | pd.Series | None = None,
        *,
        relative: bool = False,
        components: bool = False,
        interval: float | None = None,
        units: str | None = None,
    ) -> pd.DataFrame:
        """Predict responses.

        Rank drugs by `relative`: absolute values rank toxins first in every line.

        Parameters
        ----------
        adata
            Profiles of lines, pseudobulks or cells; by default those of the model. Genes are matched by name.
        drugs
            Names of drugs; or SMILES, indexed by drug, also of drugs that were never measured. By default all known.
        relative
            Return the deviation from the drug's mean over the training lines; negative is more sensitive.
        components
            Return the parts as well: `drug` + `line` + `interaction` = `value`.
        interval
            Level of an interval to return as well, such as 0.8, from the errors on lines that a head did not see. It
            holds for lines like the training lines; for other profiles it is too narrow. NaN for unseen drugs.
        units
            Units of these profiles, as for :meth:`setup_anndata`; by default those that they were set up with, or
            "auto".

        Returns
        -------
        pandas.DataFrame
            float64, lines by drugs, in ln uM for ln IC50. With `components` or `interval`, the columns have two levels:
            the part (`value`, `drug`, `line`, `interaction`, `low`, `high`) and the drug.

        Raises
        ------
        RuntimeError
            If the model was not trained.
        KeyError
            If a drug is not known, and no SMILES was given for it.
        ValueError
            If no gene is shared, or the values do not fit the units.
        """
        found = self._relative(self._profiles(adata, units), drugs, interval)
        names, mean, relative_to_mean = found.drugs, found.mean, found.relative
        line = found.of_known.mean(1, keepdims=True)
        rows = line_names(self.adata if adata is None else adata, self._line_key_of(adata))
        table = lambda x: pd.DataFrame(np.broadcast_to(x, relative_to_mean.shape).copy(), index=rows, columns=names)
        value = relative_to_mean + (0.0 if relative else mean)
        if not components and interval is None:
            return table(value)
        parts = {"value": value}
        if components:
            own = np.zeros(len(names)) if relative else mean
            parts |= {"drug": own[None], "line": line, "interaction": relative_to_mean - line}
        if interval is not None:
            parts |= {"low": value - found.half_width, "high": value + found.half_width}
        return pd.concat({k: table(v) for k, v in parts.items()}, axis=1)

    def in_domain(self, adata: AnnData | None = None, *, units: str | None = None) -> pd.DataFrame:
        """Whether profiles resemble the training lines.

        Parameters
        ----------
        adata
            Profiles; by default those of the model.
        units
            As for :meth:`predict`.

        Returns
        -------
        pandas.DataFrame
            One row a profile: `genes`, the share of the model's genes that are there; `nearest`, the most similar
            training line; `similarity`, the correlation of deviations with it; `threshold`, the 1st percentile of this
            among the training lines; and `in_domain`: at least half of the genes, and a similarity of at least the
            threshold.
        """
        state, profiles = self._learned(), self._profiles(adata, units)
        domain = state.features.route.domain(profiles)
        found = {
            "genes": domain.genes,
            "nearest": np.array(state.lines, dtype=object)[domain.nearest],
            "similarity": domain.similarity,
            "threshold": domain.threshold,
            "in_domain": domain.inside,
        }
        return pd.DataFrame(found, index=line_names(self.adata if adata is None else adata, self._line_key_of(adata)))

    def _learned(self) -> ResponseState:
        if self.state_ is None:
            msg = "This DrugResponse was not trained. Run model.train()."
            raise RuntimeError(msg)
        return self.state_

    def _setup(self, name: str) -> Any:
        """An argument of `setup_anndata`."""
        return self.registry_["setup_args"].get(name)

    def _profiles(self, adata: AnnData | None, units: str | None = None) -> Profiles:
        """Profiles of the model's own lines, or of a query in its own units."""
        if adata is None and self.adata is None:
            msg = "This model has no profiles of its own. Pass adata=..."
            raise ValueError(msg)
        if adata is None or adata is self.adata:
            return Profiles.of(self.adata, units or self._setup("units"), self._setup("layer"))
        require_anndata(adata, "DrugResponse")
        known = own_entries(adata, _keys.UNS).get(_keys.PROFILES, {})
        return Profiles.of(adata, units or known.get("units", "auto"), known.get("layer") or None)

    def _line_key_of(self, adata: AnnData | None) -> str | None:
        if adata is None or adata is self.adata:
            return self._setup("line_key")
        return own_entries(adata, _keys.UNS).get(_keys.PROFILES, {}).get("line_key") or None

    def _relative(
        self, profiles: Profiles, drugs: Sequence[str] | pd.Series | None, level: float | None = None
    ) -> Predicted:
        """Predict profiles."""
        state = self._learned()
        if level is not None:
            in_range("interval", level, 0, 1, open_low=True, open_high=True)
        names, places, unseen = self.asked_drugs(drugs)
        x = state.features(profiles)
        known = np.flatnonzero(places >= 0)
        mean, found = np.empty(len(names)), np.empty((len(profiles), len(names)))
        mean[known] = state.scale.mean[places[known]]
        all_known = self._of_known(state, x)
        found[:, known] = all_known[:, places[known]]
        half = np.full(len(names), np.nan)
        if level is not None:
            half[known] = state.half_width(level)[places[known]]
        if len(unseen):
            at = np.flatnonzero(places < 0)
            shares = state.drugs.shares(unseen)  # (unseen, known drugs)
            mean[at] = shares @ state.scale.mean
            found[:, at] = self._of_unseen(state, x, unseen, shares, all_known, mean[at])
        return Predicted(names, mean, found, half, all_known)

    def asked_drugs(self, drugs: Any) -> tuple[list[str], np.ndarray, pd.Series]:
        """Names of drugs, their places among the known ones, -1 for unseen ones, and the SMILES of these.

        Raises
        ------
        KeyError
            If a drug is not known, and no SMILES was given for it.
        ValueError
            If there is no drug, a SMILES cannot be read, or is another molecule than the drug of that name.
        """
        drug_features = self._learned().drugs
        given: pd.Series | None = smiles_of(drugs) if isinstance(drugs, Mapping | pd.Series | pd.DataFrame) else None
        asked = drug_features.smiles.index if drugs is None else [drugs] if isinstance(drugs, str) else drugs
        names = [str(d) for d in (asked if given is None else given.index)]
        if not names:
            msg = "drugs= names no drug. Leave it out for all known ones."
            raise ValueError(msg)
        places = drug_features.places(names)
        if given is None or drug_features.kind == "onehot":
            _refuse_unseen(drug_features, [n for n, place in zip(names, places, strict=True) if place < 0])
            return names, places, pd.Series(dtype=object)
        texts = standardize_smiles(given.set_axis(names))
        known = pd.Index(drug_features.smiles)
        other = (places >= 0) & (known[places] != "") & (known[places] != texts.to_numpy())
        if other.any():
            name = names[int(np.flatnonzero(other)[0])]
            msg = f"The SMILES of {name!r} is another molecule than the drug of that name, which was learned."
            raise ValueError(msg)
        by_text = {text: place for place, text in reversed(list(enumerate(known)))}
        same = np.array([by_text.get(text, -1) for text in texts], np.int64)  # a known molecule under a new name
        places = np.where(places < 0, same, places)
        return names, places, texts[places < 0]

    @torch.no_grad()
    def _of_known(self, state: ResponseState, x: Tensor) -> np.ndarray:
        """Deviations of all known drugs from their means, the mean over heads, float64, (profiles, drugs)."""
        drugs = state.drugs.known(state.head)
        parts = [self._head(head, x, drugs) for head in self.module.networks]
        output = np.mean(parts, axis=0)
        return state.scale.relative(output, state.head, state.scale.mean, state.scale.spread)

    @torch.no_grad()
    def _of_unseen(
        self,
        state: ResponseState,
        x: Tensor,
        unseen: pd.Series,
        shares: np.ndarray,
        known: np.ndarray,
        mean: np.ndarray,
    ) -> np.ndarray:
        """Deviations of unseen drugs: a mixture of known ones for a solved head, else what the networks say."""
        if state.head == "solved":
            return known @ shares.T
        drugs = state.drugs.of(unseen)
        output = np.mean([self._head(head, x, drugs) for head in self.module.networks], axis=0)
        return state.scale.relative(output, state.head, mean, np.full(len(mean), state.scale.spread.mean()))

    @staticmethod
    def _head(head: ResponseNetwork, x: Tensor, drugs: DrugInput) -> np.ndarray:
        head.eval()
        return np.concatenate([head(some, drugs).double().numpy() for some in x.split(256)])


def _refuse_unseen(drugs: DrugFeatures, lacking: list[str]) -> None:
    """Raise KeyError for drugs that were not learned and came without SMILES, or cannot be read from one."""
    if lacking:
        by_name = drugs.kind == "onehot"
        how = "this model knows drugs by name only" if by_name else "pass SMILES, as a Series indexed by drug"
        msg = f"The drugs {lacking[:4]} were not learned; known are {list(drugs.smiles.index[:4])} and others; {how}."
        raise KeyError(msg)


def line_names(adata: AnnData, line_key: str | None) -> pd.Index:
    """Names of the profiles; raises KeyError if the column does not exist."""
    if not line_key:
        return pd.Index(adata.obs_names.astype(str))
    if line_key not in adata.obs:
        msg = f"line_key={line_key!r} is not in adata.obs, which holds {list(adata.obs.columns)[:12]}."
        raise KeyError(msg)
    values = adata.obs[line_key]
    if values.isna().any():
        msg = (
            f"obs[{line_key!r}] lacks the names of {int(values.isna().sum()):,} profiles. Name them, or leave them out."
        )
        raise ValueError(msg)
    return pd.Index([text_of(v) for v in values])

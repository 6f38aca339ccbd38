"""Learn heads of drug response, each without another part of the lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from scellm.baselines.drug._denoised_ridge import denoised
from scellm.baselines.drug._kernel_ridge import solve
from scellm.bm.drug import drug_metrics
from scellm.model._drug_features import DrugFeatures
from scellm.module import DrugResponseModule
from scellm.nn._response_network import DrugInput, ResponseNetwork
from scellm.train._fit_response import Features, ResponseData, fit_response
from scellm.train._response_config import ResponseConfig

OF_ALL = ("paper", "deepcdr")
"""Heads whose output is a response, in standard deviations of all; that of the others is a deviation."""

_FOLDS = 5
_LEAST_SPREAD = 0.1


@dataclass(frozen=True)
class DrugScale:
    """Mean and spread of each drug over the training lines.

    Parameters
    ----------
    mean, spread
        float64, (drugs,); the spread is at least a tenth of the median one.
    overall, of_all
        Mean and standard deviation of all responses.
    """

    mean: np.ndarray
    spread: np.ndarray
    overall: float
    of_all: float

    @classmethod
    def of(cls, values: np.ndarray, *, per_drug: bool) -> DrugScale:
        """Measure values, (lines, drugs), NaN where unknown."""
        known = values[np.isfinite(values)]
        overall = float(known.mean())
        gaps = ~np.isfinite(values).any(0)  # a drug that only lines left out were measured with
        filled = np.where(gaps, overall, values)
        mean, spread = np.nanmean(filled, 0), np.nanstd(filled, 0)
        typical = float(np.nanstd(values - mean)) or 1.0
        floor = max(_LEAST_SPREAD * float(np.median(spread)), 1e-6)
        spread = np.maximum(spread, floor) if per_drug else np.full_like(spread, typical)
        return cls(mean, spread, overall, float(known.std()) or 1.0)

    def targets(self, values: np.ndarray, head: str) -> np.ndarray:
        """Values in the units of a head."""
        if head in OF_ALL:
            return (values - self.overall) / self.of_all
        return (values - self.mean) / self.spread

    def relative(self, output: np.ndarray, head: str, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Deviations from the means of some drugs, from the output of a head, (lines, drugs)."""
        if head in OF_ALL:
            return self.overall + self.of_all * output - mean
        return output * spread


@dataclass(frozen=True)
class Learned:
    """The outcome of learning: history of each head, and errors on lines that the head did not see.

    Parameters
    ----------
    history
        `train_loss` and `validation_loss` by epoch, if heads were trained by steps; and scores on the lines left out.
    errors
        Measured minus predicted response, NaN where unknown or always learned from, float32, (lines, drugs).
    """

    history: dict[str, pd.DataFrame]
    errors: np.ndarray


def learn_response(
    module: DrugResponseModule,
    x: Tensor,
    values: np.ndarray,
    drugs: DrugFeatures,
    scale: DrugScale,
    config: ResponseConfig,
    features: Features | None = None,
) -> Learned:
    """Make and learn the heads of a module.

    Parameters
    ----------
    module
        Its heads are replaced.
    x
        Features of the training lines, float32, (lines, features).
    values
        Their responses, NaN where unknown, float64, (lines, drugs).
    drugs
        The drugs.
    scale
        Means and spreads of the drugs.
    config
        Options; head and n_heads are set.
    features
        Gives features with a gradient, if the encoder is tuned.

    Returns
    -------
    Learned
        History and errors.
    """
    head, n_heads = str(config.head), int(config.n_heads or 1)
    module.make_heads(head, n_heads, x.shape[1], drugs.width(head))
    module.heads.to(x.device)
    fold = np.random.default_rng(0).permutation(len(x)) % max(n_heads, _FOLDS)
    errors = np.full(values.shape, np.nan, np.float32)
    known_drugs = drugs.known(head).to(x.device)
    histories, tuned = [], None if features is None else tuned_parts(module, config.tune)
    for k, network in enumerate(module.networks):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        own = DrugScale.of(values[inside], per_drug=bool(config.per_drug))  # what is left out moves no mean either
        if head == "solved":
            _solve(network, x[inside], values[inside], own, config.rank)
        else:
            data = _data(features or x.__getitem__, known_drugs, own.targets(values, head), x.device)
            train, held_out = (torch.from_numpy(i).to(x.device) for i in (inside, outside))
            histories.append(fit_response(network, data, train, held_out, config, tuned))
        get = (lambda rows: x[rows]) if features is None else features
        found = _output(network, get, outside, known_drugs, x.device)
        errors[outside] = values[outside] - own.mean - own.relative(found, head, own.mean, own.spread)
    if head == "solved":  # the folds gave the errors; one head of all lines answers
        module.make_heads(head, 1, x.shape[1], drugs.width(head))
        _solve(module.networks[0], x, values, scale, config.rank)
    return Learned(_history(histories, errors, values, scale), errors)


def _solve(network: ResponseNetwork, features: Tensor, values: np.ndarray, scale: DrugScale, rank: int) -> None:
    """Set the weights of all drugs: ridge regression, whose penalty has the lowest leave-one-out error."""
    x = features.double().numpy()
    targets = (values - scale.mean) / scale.spread
    if rank:
        targets = denoised(targets, np.zeros(targets.shape[1]), min(rank, *targets.shape))
    else:
        targets = np.nan_to_num(targets)
    n = x.shape[1]
    weight = x.T @ solve(x @ x.T / n, targets) / n  # (features, drugs)
    network.head.load_state_dict({"weight": torch.from_numpy(weight)})


def _data(features: Features, drugs: DrugInput, targets: np.ndarray, device: torch.device) -> ResponseData:
    known = np.isfinite(targets)
    filled = torch.from_numpy(np.where(known, targets, 0.0).astype(np.float32)).to(device)
    return ResponseData(features, drugs, filled, torch.from_numpy(known).to(device))


@torch.no_grad()
def _output(
    network: ResponseNetwork, features: Features, rows: np.ndarray, drugs: DrugInput, device: torch.device
) -> np.ndarray:
    network.eval()
    parts = [network(features(some.to(device)), drugs).cpu().numpy() for some in torch.from_numpy(rows).split(256)]
    return np.concatenate(parts).astype(np.float64)


def tuned_parts(module: DrugResponseModule, tune: str) -> list[nn.Module]:
    """Parts of the encoder that are trained; raises ValueError if there is no encoder."""
    encoder = module.cell_encoder
    if encoder is None:
        msg = "There is no encoder to tune: the model reads expression. Pass encoder='celllm-mini', or tune='head'."
        raise ValueError(msg)
    whole: list[nn.Module] = [encoder.encoder, encoder.pooling]
    last = [*encoder.encoder.blocks[-1:], encoder.encoder.norm, encoder.pooling]
    return whole if tune == "full" else last


def _history(
    histories: list[list[dict[str, float]]], errors: np.ndarray, values: np.ndarray, scale: DrugScale
) -> dict[str, pd.DataFrame]:
    """Losses by epoch, the mean over heads that were still trained; and scores on lines left out."""
    found: dict[str, pd.DataFrame] = {}
    if histories:
        long = pd.concat([pd.DataFrame(h) for h in histories])
        by_epoch = long.groupby(long.index).mean()
        found |= {str(name): by_epoch[[name]].rename_axis("epoch") for name in by_epoch}
    if np.isfinite(errors).any():
        scores = drug_metrics(values, values - errors, scale.mean)
        for name in ("pearson", "rmse", "per_drug", "interaction", "per_line"):
            key = f"validation_{name}"
            found[key] = pd.DataFrame({key: [scores[name]]}, index=pd.Index([0], name="epoch"))
    return found

"""A random forest on pairs of a profile and a molecule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.preprocessing import StandardScaler

from scellm.baselines.drug._base import DrugBaseline, profiles_of, smiles_of
from scellm.drug import morgan_fingerprints


class DrugForest(DrugBaseline):
    """Random forest on principal components of profiles and of Morgan fingerprints.

    One setting, not tuned: do not read it as what trees can do.

    Parameters
    ----------
    n_components
        Components of each side.
    n_trees
        Number of trees.
    seed
        Seed of the forest.
    """

    def __init__(self, n_components: int = 50, n_trees: int = 40, *, seed: int = 0) -> None:
        self.n_components, self.n_trees, self.seed = n_components, n_trees, seed

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        x, molecules = (
            profiles_of(lines),
            morgan_fingerprints(smiles_of(self.smiles, self.drugs, "DrugForest"), bits=1024),
        )
        self.scaler = StandardScaler().fit(x)
        self.of_lines, self.of_drugs = (
            PCA(min(self.n_components, *f.shape), svd_solver="full").fit(f)
            for f in (self.scaler.transform(x), molecules.astype(np.float64))
        )
        row, column = np.nonzero(np.isfinite(values))
        pairs = self._pairs(self._lines(x)[row], self.of_drugs.transform(molecules)[column])
        self.forest = RandomForestRegressor(
            self.n_trees, max_features=0.33, min_samples_leaf=3, max_samples=0.5, random_state=self.seed, n_jobs=1
        ).fit(pairs, values[row, column])

    def _lines(self, x: np.ndarray) -> np.ndarray:
        return self.of_lines.transform(self.scaler.transform(x))

    @staticmethod
    def _pairs(lines: np.ndarray, drugs: np.ndarray) -> np.ndarray:
        return np.hstack([lines, drugs]).astype(np.float32)

    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs; any drug with a SMILES."""
        x = self._lines(profiles_of(self.same_genes(lines)))
        molecules = self.of_drugs.transform(morgan_fingerprints(smiles_of(self.smiles, drugs, "DrugForest"), bits=1024))
        pairs = self._pairs(np.repeat(x, len(molecules), 0), np.tile(molecules, (len(x), 1)))
        table = self.forest.predict(pairs).reshape(len(x), len(molecules))
        return pd.DataFrame(table, index=lines.obs_names, columns=list(drugs))

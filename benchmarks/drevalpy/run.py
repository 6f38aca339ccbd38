"""DrugResponse in drevalpy's harness (Nature Communications 2026): unseen lines of TGSA's 82,833 pairs.

venv/bin/python benchmarks/drevalpy/run.py WORK [--folds 5]

drevalpy draws the folds and runs all models alike; nothing is tuned. Its members and the way to register a model are
those of drevalpy 1.6.0; a later version has registries of its own. The table is kept in
docs/user_guide/_drug/drevalpy.md.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any, ClassVar

import anndata as ad
import numpy as np
import pandas as pd

os.environ["WANDB_MODE"] = "disabled"
sys.path.insert(0, str(Path(__file__).parents[1]))

import drevalpy.experiment as harness
import drevalpy.models as models
from _data import markdown
from _drug_data import tgsa
from drevalpy.datasets.dataset import DrugResponseDataset, FeatureDataset
from drevalpy.models.drp_model import DRPModel

import scellm
from scellm.baselines.drug import DenoisedRidge
from scellm.bm.drug import drug_metrics
from scellm.model import DrugResponseMethod

DATA = tgsa()
NAIVE = "NaiveMeanEffectsPredictor"


class Adaptor(DRPModel):
    """A method of scellm with the members that drevalpy calls."""

    early_stopping = False
    is_single_drug_model = False
    cell_line_views: ClassVar = ["gene_expression"]
    drug_views: ClassVar = ["pubchem_id"]

    @classmethod
    def get_hyperparameter_set(cls) -> list[dict[str, Any]]:
        """Nothing is tuned."""
        return [{}]

    def build_model(self, hyperparameters: dict[str, Any]) -> None:
        """Make the method."""
        self.method = self.make()

    def load_cell_line_features(self, data_path: str, dataset_name: str) -> FeatureDataset:
        """Expression by line."""
        rows = dict(zip(DATA.lines.obs_names, np.asarray(DATA.lines.X), strict=True))
        return FeatureDataset(
            {name: {"gene_expression": row} for name, row in rows.items()},
            meta_info={"gene_expression": list(DATA.lines.var_names)},
        )

    def load_drug_features(self, data_path: str, dataset_name: str) -> FeatureDataset:
        """Names of drugs."""
        return FeatureDataset({name: {"pubchem_id": np.array([name])} for name in DATA.responses.columns})

    def train(
        self,
        output: DrugResponseDataset,
        cell_line_input: FeatureDataset,
        drug_input: FeatureDataset | None = None,
        output_earlystopping: DrugResponseDataset | None = None,
        model_checkpoint_dir: str = "checkpoints",
    ) -> None:
        """Learn from the pairs of a fold."""
        long = pd.DataFrame({"line": output.cell_line_ids, "drug": output.drug_ids, "value": output.response})
        table = long.pivot_table(index="line", columns="drug", values="value")
        self.method.fit(_lines(table.index, cell_line_input), table)

    def predict(
        self,
        cell_line_ids: np.ndarray,
        drug_ids: np.ndarray,
        cell_line_input: FeatureDataset,
        drug_input: FeatureDataset | None = None,
    ) -> np.ndarray:
        """Predictions in the order of the request."""
        names, row = np.unique(cell_line_ids, return_inverse=True)
        drugs, column = np.unique(drug_ids, return_inverse=True)
        return self.method.predict(_lines(names, cell_line_input), list(drugs)).to_numpy()[row, column]


def _lines(names: Any, features: FeatureDataset) -> ad.AnnData:
    x = features.get_feature_matrix("gene_expression", np.asarray(names))
    var = pd.DataFrame(index=list(DATA.lines.var_names))
    return ad.AnnData(np.asarray(x, np.float32), pd.DataFrame(index=list(names)), var)


def adaptor(name: str, make: Any) -> type[DRPModel]:
    """A class of drevalpy for a method, registered under its name."""
    members = {"get_model_name": classmethod(lambda cls: name), "make": staticmethod(make)}
    made = type(name, (Adaptor,), members)
    models.MULTI_DRUG_MODEL_FACTORY[name] = models.MODEL_FACTORY[name] = made
    return made


class Naive(models.MODEL_FACTORY[NAIVE]):
    """drevalpy's own baseline, with names from here in place of its files."""

    get_hyperparameter_set = Adaptor.get_hyperparameter_set
    load_drug_features = Adaptor.load_drug_features

    def load_cell_line_features(self, data_path: str, dataset_name: str) -> FeatureDataset:
        """Names of lines."""
        return FeatureDataset({name: {"cell_line_name": np.array([name])} for name in DATA.lines.obs_names})


def main() -> None:
    """Run the harness, and score its predictions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    scellm.settings.verbosity = logging.WARNING
    options.work.mkdir(parents=True, exist_ok=True)
    long = DATA.responses.rename_axis(index="cell_line_name", columns="pubchem_id").reset_index().melt("cell_line_name")
    long.dropna().rename(columns={"value": "response"}).to_csv(options.work / "tgsa.csv", index=False)
    pairs = DrugResponseDataset.from_csv(str(options.work / "tgsa.csv"), dataset_name="tgsa", measure="response")
    for factory in (models.MODEL_FACTORY, models.MULTI_DRUG_MODEL_FACTORY):
        factory[NAIVE] = Naive
    ours = [
        adaptor("DrugResponse", lambda: DrugResponseMethod("standardized", drug_encoder="onehot")),
        adaptor("DenoisedRidge", DenoisedRidge),
    ]
    harness.drug_response_experiment(
        models=ours,
        baselines=[Naive],
        response_data=pairs,
        test_mode="LCO",
        n_cv_splits=options.folds,
        run_id="scellm",
        path_out=str(options.work / "results"),
        hyperparameter_tuning=False,
        overwrite=True,
    )
    rows = []
    for name in (NAIVE, "DenoisedRidge", "DrugResponse"):
        folds = sorted((options.work / f"results/scellm/tgsa/LCO/{name}/predictions").glob("*.csv"))
        scores = pd.DataFrame([_scores(pd.read_csv(f)) for f in folds if "cross_study" not in f.name])
        rows.append({"model": name, "folds": len(scores), **scores.mean()})
    text = markdown(pd.DataFrame(rows))
    print(text)
    (Path(__file__).parents[2] / "docs/user_guide/_drug/drevalpy.md").write_text(text, encoding="utf-8")


def _scores(found: pd.DataFrame) -> dict[str, float]:
    """Scores of a fold; deviations are from the means over all lines but those of the fold."""
    lines = found["cell_line_name"].unique()
    mean = DATA.responses.drop(index=lines).mean()
    wide = lambda column: found.pivot(index="cell_line_name", columns="pubchem_id", values=column)
    truth = wide("response")
    scores = drug_metrics(truth.to_numpy(), wide("predictions").to_numpy(), mean[truth.columns].to_numpy())
    return {k: scores[k] for k in ("pearson", "per_drug", "residual", "interaction", "per_line", "hit5")}


if __name__ == "__main__":
    main()

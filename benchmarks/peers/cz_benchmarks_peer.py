"""The tasks of cz-benchmarks and scib-metrics on embeddings: python cz_benchmarks_peer.py FOLDER.

Reads embeddings.h5ad, with `obs["label"]` and `obs["batch"]` ("" for none) and one embedding in each slot of `obsm`;
writes scores.csv; see benchmarks/cz_benchmarks.py.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ["TQDM_DISABLE"] = "1"

import anndata as ad
import numpy as np
import pandas as pd
from czbenchmarks.tasks import (
    BatchIntegrationTask,
    BatchIntegrationTaskInput,
    MetadataLabelPredictionTask,
    MetadataLabelPredictionTaskInput,
    label_prediction,
)
from scib_metrics.benchmark import BatchCorrection, Benchmarker, BioConservation
from sklearn.preprocessing import FunctionTransformer

SCALER = label_prediction.StandardScaler


def label_scores(z: np.ndarray, labels: pd.Series, scaler: Any) -> dict[str, float]:
    """Macro-F1: the mean over the three classifiers, which is the headline of the task, and logistic regression."""
    label_prediction.StandardScaler = scaler
    task, given = MetadataLabelPredictionTask(random_seed=42), MetadataLabelPredictionTaskInput(labels=labels)
    found = {r.params["classifier"]: r.value for r in task.run(z, given) if r.metric_type.value == "mean_fold_f1"}
    headline = next(name for name in found if name.startswith("MEAN("))
    return {"mean of three": found[headline], "logistic regression": found["lr"]}


def main() -> None:
    """Score every embedding of the folder."""
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    cells = ad.read_h5ad(folder / "embeddings.h5ad")
    labels, batch = cells.obs["label"].astype(str), cells.obs["batch"].astype(str)
    rows = {}
    for name, z in cells.obsm.items():
        z = np.asarray(z)
        row = {f"{k}, columns scaled": v for k, v in label_scores(z, labels, SCALER).items()}
        as_it_is = lambda **_: FunctionTransformer()
        row |= {f"{k}, as it is": v for k, v in label_scores(z, labels, as_it_is).items()}
        if batch.nunique() > 1:
            given = BatchIntegrationTaskInput(batch_labels=batch, labels=labels)
            row |= {f"cz {r.metric_type.value}": r.value for r in BatchIntegrationTask(random_seed=42).run(z, given)}
        rows[name] = row
    table = pd.DataFrame(rows).T
    if batch.nunique() > 1:
        table = table.join(integration(cells))
    table.to_csv(folder / "scores.csv")


def integration(cells: ad.AnnData) -> pd.DataFrame:
    """The means of scib-metrics for each embedding: batches mixed, types kept, and both."""
    found = Benchmarker(
        cells,
        "batch",
        "label",
        list(cells.obsm),
        bio_conservation_metrics=BioConservation(),
        batch_correction_metrics=BatchCorrection(),
        pre_integrated_embedding_obsm_key="PCA-50",
        n_jobs=1,
        progress_bar=False,
    )
    found.benchmark()
    results = found.get_results(min_max_scale=False)
    kept = results.loc[list(cells.obsm), ["Batch correction", "Bio conservation", "Total"]].astype(float)
    return kept.add_prefix("scib ")


if __name__ == "__main__":
    main()

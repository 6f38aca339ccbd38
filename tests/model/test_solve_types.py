import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import scellm
from scellm.model._solve_types import history_of, write_head
from scellm.train._solve_head import SolvedHead
from tests.conftest import SMALL, make_adata


def test_a_head_is_written_and_used(trained):
    d = trained.module.config.cell_dim
    head = SolvedHead(np.zeros((3, d)), np.array([0.0, 5.0, 0.0]), 1.0, 1.0, {"accuracy": 0.5}, "x")
    write_head(trained, head)
    trained.configs_["train"] = {}
    assert (trained.predict() == "type 1").all()


def test_scores_become_a_history_of_one_row():
    found = history_of(SolvedHead(np.zeros((2, 2)), np.zeros(2), 1.0, 1.0, {"accuracy": 0.5, "loss": 1.0}, "x"))
    assert set(found) == {"validation_accuracy", "validation_loss"}
    assert isinstance(found["validation_loss"], pd.DataFrame)
    assert found["validation_accuracy"].index.name == "epoch"


def studies(shift, seed=0):
    """Three types in two studies, the second without labels; a study raises the counts of some genes."""
    adata = make_adata(n_obs=240)
    rng = np.random.default_rng(seed)
    second = np.arange(240) % 2 == 1
    if shift:
        x = adata.X.toarray()
        x[np.ix_(second, np.arange(200, 500))] += rng.poisson(3, (second.sum(), 300))
        adata.X = sp.csr_matrix(x)
    adata.obs["known"] = np.where(second, "Unknown", adata.obs["cell_type"].astype(str))
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    return scellm.CellLM(adata, **SMALL), second


def test_cells_of_another_study_are_predicted_from_the_embedding_alone():
    model, second = studies(shift=True)
    with pytest.warns(UserWarning, match=r"do not mix.*separation (0\.[5-9]|1\.0).*another study") as caught:
        model.train()
    assert caught[0].filename == __file__
    assert model.features_of() == "embedding"
    assert model.predict_p_values(coverage=0.9).shape == (240, 3)
    found = model.predict(indices=np.flatnonzero(second))
    assert set(found) <= {"type 0", "type 1", "type 2"}


def test_cells_of_the_same_study_are_predicted_with_components():
    model, _ = studies(shift=False)
    model.train()  # warnings are errors
    assert model.features_of() == "embedding and components"


def test_a_few_cells_left_over_change_nothing():
    adata = make_adata(n_obs=240)
    adata.obs["known"] = adata.obs["cell_type"].astype(str).where(np.arange(240) >= 6, "Unknown")
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM(adata, **SMALL)
    model.train()
    assert model.features_of() == "embedding and components"


def test_cells_of_a_type_without_label_are_named_as_a_cause():
    adata = make_adata(n_obs=240)
    adata.obs["known"] = adata.obs["cell_type"].astype(str).replace("type 2", "Unknown")
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM(adata, **SMALL)
    with pytest.warns(UserWarning, match="or of types that no labelled cell has"):
        model.train()

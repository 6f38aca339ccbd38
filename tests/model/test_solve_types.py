import numpy as np
import pandas as pd

from scellm.model._solve_types import history_of, write_head
from scellm.train._solve_head import SolvedHead


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

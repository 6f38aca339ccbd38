import numpy as np
import pandas as pd
import pytest

from scellm.tl._screen_table import patient_summary, require_variation, screen_table
from tests.responses import make_response


def made(relative):
    groups = [f"g{i}" for i in range(len(relative))]
    long = pd.DataFrame(relative, index=groups, columns=["x", "y"]).rename_axis("group").reset_index().melt("group")
    return long.rename(columns={"variable": "drug", "value": "relative"}).assign(
        donor="", n_cells=[1, 3] * len(relative)
    )


@pytest.fixture(scope="module")
def model():
    return make_response(drug_encoder="onehot")


def test_what_varies_passes_and_what_does_not_raises(model):
    require_variation(made([[1.0, -1.0], [-1.0, 2.0]]), model)
    with pytest.raises(ValueError, match="the same for all groups"):
        require_variation(made([[1.0, -1.0], [1.0, -1.0]]), model)
    with pytest.raises(ValueError, match="the drugs' means"):
        require_variation(made([[0.0, 0.0]]), model)
    require_variation(made([[1.0, -1.0]]), model)
    require_variation(made([[np.nan, np.nan]]), model)  # small groups only: the table says so


def test_the_summary_leaves_the_reference_out():
    table = made([[1.0, -1.0], [3.0, 2.0]])
    found = patient_summary(table, [])
    assert found.set_index("drug").loc["x", ["worst_group", "worst"]].tolist() == ["g1", 3.0]
    assert found.set_index("drug").loc["x", "mean"] == (1 * 1 + 3 * 3) / 4
    assert patient_summary(table, ["g1"]).set_index("drug").loc["x", "worst"] == 1.0
    assert not len(patient_summary(table, ["g0", "g1"]))
    assert callable(screen_table)

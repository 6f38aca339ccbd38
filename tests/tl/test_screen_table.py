import numpy as np
import pandas as pd
import pytest

from scellm.tl._screen_table import patient_summary, require_variation, screen_table


def made(relative):
    groups = [f"g{i}" for i in range(len(relative))]
    long = pd.DataFrame(relative, index=groups, columns=["x", "y"]).rename_axis("group").reset_index().melt("group")
    return long.rename(columns={"variable": "drug", "value": "relative"}).assign(
        donor="", n_cells=[1, 3] * len(relative)
    )


def test_what_varies_passes_and_what_does_not_raises():
    lines = np.random.default_rng(0).normal(size=(2, 50))
    differ = np.array([[1.0, -1.0], [-1.0, 2.0]])
    require_variation(differ, lines, 1.0)
    require_variation(differ[:1], lines[:1], 1.0)
    require_variation(differ[[0, 0]], lines[[0, 0]], 1.0)  # two halves of a clone are alike, and so are their numbers
    with pytest.raises(ValueError, match="the same for all groups, whose profiles differ"):
        require_variation(differ[[0, 0]], lines, 1.0)
    with pytest.raises(ValueError, match="the drugs' means"):
        require_variation(np.zeros((1, 2)), lines[:1], 1.0)
    require_variation(np.zeros((0, 2)), lines[:0], 1.0)  # small groups only: the table says so


def test_the_summary_leaves_the_reference_out():
    table = made([[1.0, -1.0], [3.0, 2.0]])
    found = patient_summary(table, [])
    assert found.set_index("drug").loc["x", ["worst_group", "worst"]].tolist() == ["g1", 3.0]
    assert found.set_index("drug").loc["x", "mean"] == (1 * 1 + 3 * 3) / 4
    assert (found["share"] == 1).all()
    small = table.assign(relative=table["relative"].where(table["group"] == "g0"))
    assert (patient_summary(small, [])["share"] == 1 / 4).all()
    assert patient_summary(table, ["g1"]).set_index("drug").loc["x", "worst"] == 1.0
    assert not len(patient_summary(table, ["g0", "g1"]))
    assert callable(screen_table)

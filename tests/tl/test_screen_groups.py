import numpy as np
import pytest

from scellm.tl._screen_groups import Groups
from tests.responses import make_lines, make_tumour


@pytest.fixture
def tumour():
    return make_tumour(make_lines(), n_cells=10)


def test_groups_of_donors(tumour):
    tumour.obs["clone"] = tumour.obs["clone"].astype(object)
    tumour.obs.loc[tumour.obs_names[:3], "clone"] = None
    found = Groups.of(tumour, "clone", "patient", "L2")
    assert found.table.to_numpy().tolist() == [[f"L{i}", p] for p in ("p1", "p2") for i in range(3)]
    assert (found.code[:3] == -1).all()
    assert found.n_cells.sum() == 27
    assert found.n_cells.tolist() == [len(found.cells(g)) for g in range(6)]


def test_the_reference_is_of_the_same_donor_if_there_is_one(tumour):
    found = Groups.of(tumour, "clone", "patient", ["L2"])
    assert found.reference_of(0, np.ones(6, bool)).tolist() == [2]
    assert found.reference_of(3, np.ones(6, bool)).tolist() == [5]
    usable = np.arange(6) != 5
    assert found.reference_of(3, usable).tolist() == [2]  # too few normal cells of its own
    some = tumour[~((tumour.obs["clone"] == "L2") & (tumour.obs["patient"] == "p2"))].copy()
    found = Groups.of(some, "clone", "patient", ["L2"])
    assert found.reference_of(4, np.ones(5, bool)).tolist() == [2]


def test_no_group(tumour):
    tumour.obs["none"] = np.nan
    with pytest.raises(ValueError, match=r"No cell has a group in obs\['none'\]"):
        Groups.of(tumour, "none", None, None)

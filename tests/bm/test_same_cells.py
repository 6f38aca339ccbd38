import numpy as np
import pytest

from scellm import bm
from scellm.bm._same_cells import refuse_same_cells
from tests.conftest import make_adata
from tests.reference.methods import Majority


def test_cells_on_both_sides_are_refused():
    one = make_adata(30)
    other = one[np.array([25, 3, 8])].copy()[:, ::-1].copy()
    with pytest.raises(ValueError, match="3 cells are in both data sets"):
        refuse_same_cells("t", one, other)
    task = bm.Task("t", one, "cell_type", bm.Across(), other=other)
    with pytest.raises(ValueError, match="learned from and tested"):
        bm.run([task], {"m": Majority}, seeds=1)


def test_other_cells_of_the_same_name_pass():
    one = make_adata(30)
    refuse_same_cells("t", one, make_adata(30, seed=1))
    changed = one.copy()
    changed.X = changed.X + changed.X
    refuse_same_cells("t", one, changed)
    changed.var_names = [f"other{i}" for i in range(changed.n_vars)]
    refuse_same_cells("t", one, changed)
    empty = one.copy()
    empty.X = empty.X * 0
    refuse_same_cells("t", empty, empty.copy())


def test_names_that_occur_twice_and_few_genes():
    one, other = make_adata(30), make_adata(30)
    names = one.var_names.to_numpy().copy()
    names[5] = names[4]
    one.var_names = names
    with pytest.raises(ValueError, match="30 cells are in both"):
        refuse_same_cells("t", one, other)
    refuse_same_cells("t", one[:, :3].copy(), other[:, :3].copy())  # three equal genes are no proof
    cells = one.obs_names.to_numpy().copy()
    cells[1] = cells[0]
    one.obs_names = cells
    with pytest.raises(ValueError, match="28 cells are in both"):
        refuse_same_cells("t", one, other)

import pytest

import scellm
from scellm import bm
from scellm.baselines import LogisticRegression
from tests.conftest import make_adata


def test_across_data_sets_with_a_table_of_labels(cells):
    other = make_adata(n_obs=30, seed=1)
    other.obs["cell_type"] = ["T " + t[-1] for t in other.obs["cell_type"]]
    rename = {"type 0": "A", "T 0": "A", "type 1": "B", "T 1": "B"}
    task = bm.Task("t", cells, "cell_type", bm.Across(), other=other, rename=rename)
    train, predicted, test = task.rows(0)
    assert predicted is other
    assert len(train) == 54
    assert len(test) == 20
    results = bm.run([task], {"lr": LogisticRegression}, seeds=2)
    assert results.table["value"].min() > 0.9
    with pytest.raises(ValueError, match=r"there is no test cell.*rename="):
        bm.run([bm.Task("t", cells, "cell_type", bm.Across(), other=other)], {"lr": LogisticRegression}, seeds=1)


def test_it_is_a_subpackage():
    assert scellm.bm is bm

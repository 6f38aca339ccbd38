import matplotlib.pyplot as plt
import numpy as np
import pytest

import scellm
from tests.responses import make_response, make_tumour

pytestmark = pytest.mark.filterwarnings("ignore:Only 400 genes:UserWarning")  # made-up profiles are small


@pytest.fixture(scope="module")
def screened():
    model = make_response(drug_encoder="onehot")
    tumour = make_tumour(model.adata)
    keep = np.r_[:60, 60:63, 120:180]
    tumour = tumour[keep].copy()
    with pytest.warns(UserWarning, match="have fewer than 20 cells"):
        scellm.tl.screen(tumour, model, groupby="clone", reference="L2", min_cells=20, n_boot=5)
    return tumour


def test_drugs_in_rows_groups_in_columns(screened):
    ax = scellm.pl.screen(screened, drugs=4, show=False)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["L0 (60)", "L1 (3)", "L2 (60)"]
    assert len(ax.get_yticklabels()) == 4
    dots = ax.collections[0]
    assert len(dots.get_offsets()) == 8  # the small group has no dot
    low, high = dots.get_clim()
    assert low == -high  # white is the drug's mean
    assert len(ax.patches) == 1
    assert ax.patches[0].get_hatch() == "///"
    plt.close("all")


def test_named_drugs_selectivity_and_given_axes(screened):
    _, ax = plt.subplots()
    found = scellm.pl.screen(screened, drugs=["imatinib", "aspirin"], value="selectivity", ax=ax, show=False)
    assert found is ax
    assert [t.get_text() for t in ax.get_yticklabels()] == ["imatinib", "aspirin"]
    plt.close("all")


def test_drugs_without_an_interval_are_drawn(screened):
    copy = screened.copy()
    table = copy.uns["celllm"]["screen"]
    copy.uns["celllm"]["screen"] = table.assign(low=np.nan, high=np.nan)
    dots = scellm.pl.screen(copy, drugs=4, show=False).collections[0]
    assert np.isfinite(dots.get_sizes()).all()
    assert len(dots.get_offsets().compressed()) == 16  # x and y of eight dots
    plt.close("all")


def test_bad_calls(screened):
    with pytest.raises(KeyError, match=r"holds no screen. Run scellm.tl.screen"):
        scellm.pl.screen(screened, key="other")
    with pytest.raises(KeyError, match=r"drugs=\['new'\] are not in the screen"):
        scellm.pl.screen(screened, drugs=["new"])
    with pytest.raises(KeyError, match="selectivity needs reference="):
        scellm.pl.screen(screened, value="other")

import numpy as np

import scellm
from scellm.data import SourceOptions, Thin
from scellm.data._anndata_source import AnnDataSource
from tests.conftest import SMALL, make_adata


def source(model, **options):
    return AnnDataSource.of(model.adata_manager, SourceOptions(model.binning, **options))


def test_cells_labels_and_tokens(model):
    made = source(model, indices=[4, 9, 30])
    assert AnnDataSource.accepts(model.adata_manager)
    assert not AnnDataSource.accepts(model.adata)
    assert list(made.names()) == ["cell4", "cell9", "cell30"]
    assert made.labelled() == {"malignancy": 3}
    rows = np.array([4, 30])
    first = made.first(3, seed=0)
    assert first.n_cells == 3
    np.testing.assert_array_equal(made.whole(rows)["gene"], made.dataset[0, rows]["gene"])


def test_a_view_changes_the_draws_but_not_the_whole(model):
    made = source(model, views=(Thin(), Thin()))
    rows = np.arange(5)
    assert len(made.dataset[0, rows]["gene"]) < len(made.whole(rows)["gene"])


def test_without_malignancy_there_is_no_label():
    adata = make_adata(20)
    scellm.CellLM.setup_anndata(adata)
    assert source(scellm.CellLM(adata, **SMALL)).labelled() == {}

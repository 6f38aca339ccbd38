import numpy as np
import pytest

import scellm
from scellm.data import SourceOptions, Thin
from scellm.data._anndata_source import AnnDataSource
from tests.conftest import QUIET, SMALL, make_adata


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


def test_clusters_of_the_cells_that_may_be_drawn(model):
    made = source(model, indices=np.arange(5, 40)[::-1], views=(Thin(), Thin()), together=3)
    batch = made.dataset[0, np.array([7, 30])]
    assert batch["source"].tolist() == [0, 0]
    assert (batch["cluster"] >= 0).all()
    assert made.cluster[:5].tolist() == [-1] * 5
    rows = np.sort(made.order.epoch(0, 0)[:20])
    np.testing.assert_array_equal(made.groups(20, 0), made.cluster[rows])
    np.testing.assert_array_equal(np.sort(made.order.epoch(0, 0)), np.arange(5, 40))
    assert "cluster" in source(model, together=1).dataset[0, np.array([1])]  # without a view as well
    with pytest.raises(ValueError, match="has no clusters"):
        source(model).groups(3, 0)


def test_pretraining_on_own_cells_with_clusters(model):
    options = {"positives": "clusters", "negatives": "source", "view": "panels", "batch_size": 20}
    model.pretrain(max_steps=2, objectives=("contrastive",), **options, **QUIET)
    assert np.isfinite(model.history["pretrain_contrastive"].to_numpy()).all()

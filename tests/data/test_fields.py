import numpy as np

import scellm
from tests.conftest import SMALL, make_adata


def test_query_with_other_genes_no_labels_and_unseen_types(model):
    model.is_trained_ = True
    query = make_adata(20, 2300, seed=9)
    del query.obs["cell_type"], query.obs["origin"]
    columns = list(query.obs.columns)
    assert model.get_latent_representation(query).shape == (20, 16)
    assert [c for c in query.obs.columns if not c.startswith("_scvi")] == columns
    unseen = make_adata(20, 2300, seed=9)
    unseen.obs["cell_type"] = "new"
    np.testing.assert_array_equal(model.get_latent_representation(unseen), model.get_latent_representation(query))
    assert (unseen.obs["cell_type"] == "new").all()


def test_missing_labels_are_unlabelled(adata):
    labels = adata.obs["cell_type"].astype(object)
    labels.iloc[:10] = np.nan
    labels.iloc[10:15] = "Unknown"
    adata.obs["cell_type"] = labels
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    assert model._types() == ["type 0", "type 1", "type 2"]
    codes = adata.obs["_scvi_labels"].to_numpy()
    assert (codes[:15] == 3).all()
    assert (codes[15:] < 3).all()
    assert adata.obs["cell_type"].isna().sum() == 10

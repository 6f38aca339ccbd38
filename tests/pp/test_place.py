import numpy as np
import pytest

import scellm
from scellm.data._anndata_dataset import TokenDataset
from tests.conftest import QUIET, SMALL, make_adata
from tests.reference.bins import by_vocabulary


@pytest.fixture
def tutorial(adata):
    """Fewer genes in X than in raw, under other names."""
    adata.raw = adata
    part = adata[:, 200:1700].copy()
    part.var_names = [f"gene {i}" for i in range(part.n_vars)]
    part.X = part.X.toarray() - 1.0
    return part


def test_the_same_tokens_as_from_all_genes(tutorial):
    whole = make_adata()
    scellm.CellLM.setup_anndata(tutorial)
    scellm.CellLM.setup_anndata(whole)
    assert (by_vocabulary(tutorial) != by_vocabulary(whole)).nnz == 0
    one, other = (TokenDataset(scellm.CellLM(a, **SMALL).adata_manager)[np.arange(60)] for a in (tutorial, whole))
    order = [np.lexsort((batch["gene"], np.repeat(np.arange(60), np.diff(batch["offsets"])))) for batch in (one, other)]
    for name in ("gene", "bin"):
        np.testing.assert_array_equal(one[name][order[0]], other[name][order[1]])


def test_everything_works_on_it_and_on_its_copies(tutorial, tmp_path):
    scellm.CellLM.setup_anndata(tutorial, labels_key="cell_type")
    model = scellm.CellLM(tutorial, **SMALL)
    model.pretrain(max_steps=1, batch_size=8, view="thin", **QUIET)
    model.train()
    z = model.get_latent_representation()
    selected = tutorial[:, :100].copy()  # genes of X are not those that are read
    np.testing.assert_allclose(model.get_latent_representation(selected), z, atol=1e-5)
    model.save(tmp_path / "m")
    again = scellm.CellLM.load(tmp_path / "m", make_adata())
    np.testing.assert_allclose(again.get_latent_representation(), z, atol=1e-4)


def test_genes_lost_since_are_named(adata):
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    model.is_trained_ = True
    with pytest.warns(UserWarning, match=r"500 of 2,400 genes that were known.*left out since"):
        model.get_latent_representation(adata[:, :500].copy())

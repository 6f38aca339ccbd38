import numpy as np
import pytest

import scellm
from tests.conftest import make_adata


def test_names_and_paths_are_loaded(trained, tmp_path):
    trained.train()
    trained.save_pretrained(tmp_path / "weights")
    trained.save(tmp_path / "saved")
    want = trained.get_latent_representation()
    for given in (tmp_path / "weights", str(tmp_path / "saved"), tmp_path / "weights" / "weights.safetensors"):
        adata = make_adata()
        scellm.tl.embed(adata, given)
        np.testing.assert_allclose(adata.obsm["X_celllm"], want, atol=1e-4)
    adata = make_adata()
    scellm.tl.annotate(adata, tmp_path / "saved")
    assert (adata.obs["celllm_type"].astype(str) == trained.predict()).all()


@pytest.mark.parametrize("key", ["a/b", "", ".", "..", "_index", " "])
def test_keys_that_cannot_be_written(trained, key):
    adata = make_adata()
    with pytest.raises(ValueError, match="cannot be written to disk"):
        scellm.tl.embed(adata, trained, key_added=key)
    assert not adata.obsm


def test_gene_embeddings_take_the_same(trained, tmp_path):
    trained.save_pretrained(tmp_path / "weights")
    adata = make_adata()
    scellm.tl.embed_genes(adata, tmp_path / "weights")
    assert adata.varm["celllm_genes"].shape == (2400, 16)
    with pytest.raises(ValueError, match="cannot be written"):
        scellm.tl.embed_genes(adata, trained, key_added="a/b")
    with pytest.raises(TypeError, match="swapped"):
        scellm.tl.embed_genes(trained, adata)


def test_what_is_no_model(trained):
    adata = make_adata()
    with pytest.raises(TypeError, match=r"takes an AnnData as adata.*swapped"):
        scellm.tl.embed(trained, adata)
    with pytest.raises(TypeError, match="swapped"):
        scellm.tl.embed(adata, adata)
    with pytest.raises(TypeError, match="found int"):
        scellm.tl.annotate(adata, 3)
    with pytest.raises(ValueError, match="not a known name"):
        scellm.tl.embed(adata, "celllm-giant")

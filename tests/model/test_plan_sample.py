import numpy as np
import pytest

import scellm
from scellm.model._plan_sample import sample_of
from tests.conftest import QUIET, SMALL, make_adata


def test_a_size_weights_and_data_on_disk(tmp_path):
    adata = make_adata(20)
    adata.write_h5ad(tmp_path / "a.h5ad")
    on_disk = scellm.data.read_backed(tmp_path / "a.h5ad")
    sample = sample_of(on_disk, 0)
    assert sample.seconds_to_prepare > 0
    assert not sample.bins_in_memory
    assert scellm.plan(on_disk, "celllm-bag", budget=0.5).model == "celllm-bag"
    assert scellm.plan(on_disk, "mini", budget=0.5).model == "mini"
    assert scellm.plan(on_disk, "celllm-immune", task="annotate", budget=0.5).seconds > 0


def test_a_corpus(tmp_path, small):
    for name in "ab":
        make_adata(20, seed=ord(name)).write_h5ad(tmp_path / f"{name}.h5ad")
    corpus = scellm.data.build_corpus(tmp_path, tmp_path / "corpus", min_genes=10)
    for data in (corpus, tmp_path / "corpus"):
        found = scellm.plan(data, small, task="pretrain", max_steps=3, batch_size=8, budget=0.5, **QUIET)
        assert found.cells == 40
        tokens = np.diff(corpus.arrays["offsets"])
        assert found.genes_per_cell == pytest.approx(tokens.mean())


def test_chosen_cells_are_counted(small):
    adata = make_adata(60)
    options = {"task": "pretrain", "max_epochs": 2, "batch_size": 5, "budget": 0.5, **QUIET}
    found = scellm.plan(adata, small, indices=np.arange(10), **options)
    assert (found.cells, found.steps) == (10, 4)
    assert found.genes_per_cell == pytest.approx((adata.X[:10] > 0).sum() / 10)
    assert scellm.plan(adata, small, indices=["cell1", "cell2"], budget=0.5).cells == 2


def test_labels_of_the_model_are_planned_with():
    adata = make_adata(40)
    scellm.CellLM.setup_anndata(adata, malignancy_key="origin", labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    options = {"task": "pretrain", "max_steps": 2, "batch_size": 8, "budget": 0.5, **QUIET}
    assert scellm.plan(adata, model, objectives=["malignancy"], **options).steps == 2
    other = make_adata(40)
    del other.obs["origin"]
    with pytest.raises(ValueError, match="No objective is left"):
        scellm.plan(other, model, objectives=["malignancy"], **options)

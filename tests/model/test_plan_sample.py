import numpy as np
import pytest

import scellm
from tests.conftest import QUIET, make_adata


def test_a_size_weights_and_data_on_disk(tmp_path):
    adata = make_adata(20)
    adata.write_h5ad(tmp_path / "a.h5ad")
    on_disk = scellm.data.read_backed(tmp_path / "a.h5ad")
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

"""Names that the examples in docstrings use, and a temporary folder for their files."""

from __future__ import annotations

import pytest
from _pytest.doctest import DoctestItem

collect_ignore_glob = [
    "src/scellm/nn/_favor_triton.py",
    "src/scellm/train/graphmae/_dgl.py",
    "src/scellm/train/graphmae/_pyg.py",
    "tests/reference/fused*.py",  # one chooses Triton's interpreter for its process
]  # libraries that may be absent


@pytest.fixture(autouse=True)
def _names_of_examples(request, tmp_path, monkeypatch):
    """`sc`, `scellm`, a small prepared `adata` with cell types, and a `model` that was trained on it."""
    if not isinstance(request.node, DoctestItem):
        return
    import numpy as np
    import scanpy as sc

    import scellm
    from tests.conftest import QUIET, SMALL, make_adata

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    scellm.settings.seed = 0
    scellm.settings.verbosity = 40
    adata = make_adata()
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    model.train(max_epochs=1, **QUIET)
    scellm.tl.annotate(adata, model)
    names = request.getfixturevalue("doctest_namespace")
    names.update(np=np, sc=sc, scellm=scellm, adata=adata, model=model)

"""A small corpus of three files."""

import pytest

from scellm.data import build_corpus
from tests.reference.corpora import parts


@pytest.fixture
def folder(tmp_path):
    """A folder with three files."""
    (tmp_path / "files").mkdir()
    for name, adata in parts().items():
        adata.write_h5ad(tmp_path / "files" / f"{name}.h5ad")
    return tmp_path / "files"


@pytest.fixture
def corpus(folder, tmp_path):
    """The corpus of the three files."""
    return build_corpus(folder, tmp_path / "corpus", min_genes=10, malignancy_key="origin")


@pytest.fixture
def trained(model):
    """The small model, taken for trained: its embeddings are looked at, not used."""
    model.is_trained_ = True
    return model

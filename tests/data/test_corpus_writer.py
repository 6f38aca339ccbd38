import numpy as np
import pytest

from scellm.data import Corpus, build_corpus
from scellm.data import _corpus_writer as module
from tests.data.test_read_backed import write
from tests.reference.corpora import parts


def arrays(corpus):
    return {name: np.array(values) for name, values in corpus.arrays.items()}


@pytest.mark.parametrize("rows", [1, 7, 4096])
def test_blocks_change_nothing(folder, corpus, tmp_path, monkeypatch, rows):
    monkeypatch.setattr(module, "_ROWS", rows)
    again = build_corpus(folder, tmp_path / "again", min_genes=10, malignancy_key="origin")
    assert again.card == corpus.card
    for name, values in arrays(corpus).items():
        np.testing.assert_array_equal(values, arrays(again)[name])


def test_stores_of_zarr_give_the_same_corpus(corpus, tmp_path):
    (tmp_path / "stores").mkdir()
    for name, adata in parts().items():
        write(adata, tmp_path / "stores" / f"{name}.zarr")
    again = build_corpus(tmp_path / "stores", tmp_path / "again", min_genes=10, malignancy_key="origin")
    assert again.card["sha256"] == corpus.card["sha256"]
    assert [s["file"] for s in again.card["sources"]] == [f"{n}.zarr" for n in again.sources]
    Corpus(tmp_path / "again").verify()


def test_an_empty_file_is_named(folder, tmp_path):
    write(parts()["a"][:0].copy(), folder / "nothing.h5ad")
    with pytest.raises(ValueError, match=r"nothing\.h5ad: holds 0 cells"):
        build_corpus(folder, tmp_path / "again", min_genes=10)

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from scellm import bm
from scellm.genes import load_string_vectors, load_vocabulary
from scellm.model import ScBERTLike
from scellm.model._scbert_like import scbert_bins
from tests.conftest import make_adata

SMALL = {"dim": 8, "depth": 3, "heads": 2, "dim_head": 4}


def make(**options):
    return ScBERTLike(200, **{"lr": 1e-2, "max_epochs": 8, "gene_embeddings": "random", **SMALL, **options})


@pytest.fixture(scope="module")
def marked():
    """Cells whose types differ in a hundred genes."""
    adata = make_adata(80, 2200)
    x = adata.X.toarray()
    codes = adata.obs["cell_type"].astype("category").cat.codes.to_numpy()
    for code in range(codes.max() + 1):
        x[np.ix_(codes == code, np.arange(code * 30, code * 30 + 30))] += 40
    adata.X = sp.csr_matrix(x)
    return adata


def test_bins_are_whole_parts_of_log2_up_to_five():
    counts = sp.csr_matrix(np.array([[1.0, 3.0, 0.0, 62.0, 9.0], [0, 0, 0, 0, 0]]))
    bins = scbert_bins(counts, np.array([1e4, 0.0])).toarray()
    assert bins[0].tolist() == [1, 2, 0, 5, 3]  # log2 of 2, 4, 1, 63 and 10
    assert not bins[1].any()


def test_types_are_learned(marked):
    learned = make().fit(marked, "cell_type", indices=np.arange(60))
    assert len(learned.genes) == 200
    found = learned.predict(marked, indices=np.arange(60, 80))
    truth = marked.obs["cell_type"].astype(str).to_numpy()[60:]
    assert (found == truth).mean() > 0.8
    table = learned.predict_proba(marked, indices=[70, 3])
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    assert list(table.index) == ["cell70", "cell3"]
    assert learned.predict(marked, indices=[]).shape == (0,)


def test_a_seed_gives_the_same_answer_and_moves_no_other_stream(marked):
    before = torch.random.get_rng_state()
    first, second = (make(max_epochs=1).fit(marked, "cell_type").predict_proba(marked) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(before, torch.random.get_rng_state())
    other = make(max_epochs=1, seed=1).fit(marked, "cell_type").predict_proba(marked)
    assert not np.allclose(first, other)


def test_vectors_are_those_of_the_genes(marked):
    learned = make(max_epochs=1, gene_embeddings="string").fit(marked, "cell_type", indices=np.arange(30))
    table = load_string_vectors().dropna()
    symbols = load_vocabulary().symbols[learned.genes]
    known = np.flatnonzero(symbols.isin(table.index))
    assert len(known) > 50
    weight = learned.network.encoder.embedding.gene.weight.numpy()[known]
    given = table.loc[symbols[known]].to_numpy(np.float64)
    np.testing.assert_allclose(weight, (given - given.mean(0)) / given.std(0), rtol=1e-4, atol=1e-5)


def test_competes_in_a_benchmark(marked):
    task = bm.Task("t", marked, "cell_type", bm.Stratified())
    results = bm.run([task], {"scBERT-like": make}, seeds=1, metrics=["macro_f1", "log_loss"])
    assert np.isfinite(results.table["value"]).all()


def test_stops_without_progress(marked):
    learned = make(max_epochs=50, patience=1, lr=1e-9)
    epochs = []
    learned._loss = lambda *_: epochs.append(1) or 1.0
    learned.fit(marked, "cell_type")
    assert len(epochs) == 2


@pytest.mark.parametrize(
    "wrong", [{"max_epochs": 0}, {"patience": 0}, {"batch_size": 0}, {"lr": 0}, {"seed": -1}, {"depth": 1}]
)
def test_options_out_of_range(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        make(**wrong)


def test_a_misspelt_option_is_refused():
    with pytest.raises(ValueError, match="option='max_epoch' is not known"):
        ScBERTLike(100, max_epoch=3)

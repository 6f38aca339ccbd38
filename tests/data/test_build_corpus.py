import json
import warnings

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import scellm
from scellm.data import Corpus, build_corpus
from scellm.data._source_balanced_sampler import SourceBalancedSampler
from tests.conftest import make_adata
from tests.reference.corpora import parts


def test_every_cell_has_its_counts_on_the_vocabulary(corpus):
    row = 0
    for name, adata in parts().items():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*express no known gene")  # the empty cell
            scellm.pp.prepare(adata, min_genes=0, min_counts=0)
        gene = adata.var["celllm_gene"].to_numpy()
        for i in range(adata.n_obs):
            x = np.asarray(adata.X[i].todense()).ravel()
            if (x > 0).sum() < 10:
                continue
            found = corpus.counts(np.array([row]))
            dense = np.zeros(len(scellm.genes.load_vocabulary()))
            np.add.at(dense, gene[gene >= 0], x[gene >= 0])
            np.testing.assert_array_equal(np.flatnonzero(dense), np.sort(found.gene))
            np.testing.assert_array_equal(dense[found.gene], found.count)
            assert found.total[0] == x.sum()
            assert corpus.sources[corpus.arrays["source"][row]] == name
            row += 1
    assert row == len(corpus) == corpus.card["cells"]
    left_out = {s["name"]: s["cells_left_out"] for s in corpus.card["sources"]}
    assert left_out["c"] >= 1
    assert corpus.card["sources"][0]["licence"] == "CC0"


def test_only_a_corpus_is_ever_replaced(folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for target in (folder, tmp_path / "mine", tmp_path / "mine" / "notes.txt"):
        before = sorted(p.name for p in tmp_path.rglob("*"))
        with pytest.raises(FileExistsError, match="needs a folder of its own"):
            build_corpus(folder, target, overwrite=True)
        assert sorted(p.name for p in tmp_path.rglob("*")) == before
    (tmp_path / "empty").mkdir()
    assert len(build_corpus(folder, tmp_path / "empty", min_genes=10, malignancy_key="origin"))


def test_the_card_counts_the_cells_that_were_kept(corpus):
    for number, source in enumerate(corpus.card["sources"]):
        origin = corpus.arrays["malignancy"][corpus.arrays["source"] == number]
        assert (source["cells"], source["tumor"], source["normal"]) == (
            len(origin),
            (origin == 1).sum(),
            (origin == 0).sum(),
        )


def test_what_is_refused(folder, corpus, tmp_path):
    with pytest.raises(FileExistsError, match="overwrite=True"):
        build_corpus(folder, corpus.folder)
    assert len(build_corpus(folder, corpus.folder, min_genes=10, malignancy_key="origin", overwrite=True)) == len(
        corpus
    )
    with pytest.raises(ValueError, match="No cell has min_genes=100000"):
        build_corpus(folder, tmp_path / "x", min_genes=100_000)
    with pytest.raises(ValueError, match=r"none\.h5ad: "):
        build_corpus(tmp_path / "none.h5ad", tmp_path / "x")
    (tmp_path / "broken.h5ad").write_bytes(b"not hdf5")
    with pytest.raises(ValueError, match=r"broken\.h5ad: .*file signature"):
        build_corpus([folder / "a.h5ad", tmp_path / "broken.h5ad"], tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(FileNotFoundError, match="build_corpus"):
        Corpus(tmp_path)
    with pytest.raises(ValueError, match="unique names"):
        build_corpus(tmp_path / "corpus", tmp_path / "x")
    with pytest.raises(ValueError, match="unique names"):
        build_corpus([folder / "a.h5ad", folder / "a.h5ad"], tmp_path / "x")
    with pytest.raises(ValueError, match="source_power must be a number of at least 0 and of at most 1"):
        SourceBalancedSampler(np.arange(3), np.zeros(3), 2.0)
    with pytest.raises(ValueError, match="source_block must be a whole number"):
        SourceBalancedSampler(np.arange(3), np.zeros(3), 0.5, 0)
    card = json.loads((corpus.folder / "corpus.json").read_text())
    (corpus.folder / "corpus.json").write_text(json.dumps(card | {"vocabulary_sha256": "0"}))
    with pytest.raises(ValueError, match="Build it again"):
        Corpus(corpus.folder)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda a: ad.AnnData(a.X.toarray() - 0.5, var=a.var), r"bad\.h5ad: "),
        (lambda a: ad.AnnData(sp.csr_matrix(a.X * 0.37 + (a.X > 0) * 0.001), var=a.var), r"bad\.h5ad: .*whole counts"),
        (lambda a: a[:, :50].copy(), r"bad\.h5ad: "),
    ],
    ids=["negative", "decimals", "unknown genes"],
)
def test_a_bad_file_is_named_and_nothing_is_left(folder, tmp_path, bad, message):
    adata = bad(make_adata(n_obs=8))
    if adata.n_vars == 50:
        adata.var_names = [f"no-gene-{i}" for i in range(50)]
    adata.write_h5ad(folder / "bad.h5ad")
    with pytest.raises(ValueError, match=message):
        build_corpus(folder, tmp_path / "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files"]

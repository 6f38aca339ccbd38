"""Many files as one set of cells: what is kept, what is drawn, what is refused."""

import json
import pickle
import warnings

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import scellm
from scellm.data import Corpus, build_corpus
from scellm.data._batches import StepSampler
from scellm.data._corpus_batches import BalancedRows, CorpusDataset, draw_rows
from scellm.data._prepared import binning_of, report_of
from tests.conftest import QUIET, SMALL, make_adata


def parts():
    """Three sources: other genes, other names, a log1p, some cells too small."""
    a = make_adata(n_obs=40, n_vars=2400, seed=1)
    b = make_adata(n_obs=25, n_vars=3000, seed=2)[:, ::-1].copy()
    ids = scellm.pp.load_vocabulary().table.set_index("symbol")["ensembl_id"]
    b.var_names = [i if isinstance(i, str) else s for i, s in zip(ids[b.var_names], b.var_names, strict=True)]
    c = make_adata(n_obs=10, n_vars=2400, seed=3)
    c.obs = c.obs[["cell_type"]]
    c.X = sp.csr_matrix(sp.diags((np.arange(10) > 0).astype(np.float32)) @ c.X)  # a cell with nothing
    a.uns["licence"] = "CC0"
    return {"a": a, "b": b, "c": c}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "files").mkdir()
    for name, adata in parts().items():
        adata.write_h5ad(tmp_path / "files" / f"{name}.h5ad")
    return tmp_path / "files"


@pytest.fixture
def corpus(folder, tmp_path):
    return build_corpus(folder, tmp_path / "corpus", min_genes=10)


def test_every_cell_has_its_counts_on_the_vocabulary(corpus):
    row = 0
    for name, adata in parts().items():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*express no known gene")  # that cell
            scellm.pp.prepare(adata, min_genes=0, min_counts=0)
        gene = adata.var["celllm_gene"].to_numpy()
        for i in range(adata.n_obs):
            x = np.asarray(adata.X[i].todense()).ravel()
            if (x > 0).sum() < 10:
                continue
            found = corpus.counts(np.array([row]))
            dense = np.zeros(len(scellm.pp.load_vocabulary()))
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


def test_any_order_of_rows(corpus):
    rows = np.array([30, 2, 50, 2])
    many = corpus.counts(rows)
    for i, row in enumerate(rows):
        one = corpus.counts(np.array([row]))
        at = slice(many.offsets[i], many.offsets[i + 1])
        np.testing.assert_array_equal(many.gene[at], one.gene)
        np.testing.assert_array_equal(many.count[at], one.count)
    assert corpus.counts(np.zeros(0, int)).offsets.tolist() == [0]


def test_origin(corpus):
    origin, source = corpus.arrays["origin"], corpus.arrays["source"]
    assert set(origin[source == 0]) == {0, 1}
    assert set(origin[source == 2]) == {-1}, "a file without the column"


def test_tokens_are_those_of_prepare(corpus):
    adata = parts()["a"]
    scellm.pp.prepare(adata)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    expected = model._make_data_loader(adata=adata, indices=np.arange(8), batch_size=8)
    expected = next(iter(expected))
    found = CorpusDataset(corpus, binning_of(report_of(adata)))[0, np.arange(8)]
    for key in ("gene", "bin", "offsets"):
        np.testing.assert_array_equal(found[key], expected[key].numpy())
    assert "gene_b" not in found


def test_it_can_be_opened_again_and_sent_to_workers(corpus):
    for again in (Corpus(corpus.folder), pickle.loads(pickle.dumps(corpus))):
        assert len(again) == len(corpus)
        np.testing.assert_array_equal(again.counts(np.arange(5)).gene, corpus.counts(np.arange(5)).gene)
    assert "3 sources" in repr(corpus)


def test_split_keeps_a_share_of_every_source(corpus):
    train, aside = corpus.split(0.2, seed=3)
    assert set(train).isdisjoint(aside)
    assert len(train) + len(aside) == len(corpus)
    source = corpus.arrays["source"]
    for s in range(3):
        assert (source[aside] == s).sum() == max(round(0.2 * (source == s).sum()), 1)
    np.testing.assert_array_equal(aside, corpus.split(0.2, seed=3)[1])
    assert len(corpus.split(0.0)[1]) == 0


@pytest.mark.parametrize(("power", "expected"), [(1.0, [80, 16, 4]), (0.0, [33, 33, 34]), (0.5, [56, 31, 13])])
def test_sources_are_drawn_by_a_power_of_their_size(power, expected):
    source = np.repeat([0, 1, 2], [80, 16, 4])
    rows = BalancedRows(np.arange(100), source, power)
    assert len(rows) == 100
    found = np.bincount(source[rows.epoch(3, seed=0)])
    weight = np.array([80, 16, 4]) ** power
    np.testing.assert_allclose(found, 100 * weight / weight.sum(), atol=1)
    assert found.sum() == sum(expected)
    np.testing.assert_array_equal(rows.epoch(3, 0), rows.epoch(3, 0))
    assert not np.array_equal(rows.epoch(3, 0), rows.epoch(4, 0))


def test_cells_of_a_source_are_seen_equally_often():
    source = np.repeat([0, 1, 2], [80, 17, 3])
    rows = BalancedRows(np.arange(100), source, 0.3)
    seen = np.bincount(np.concatenate([rows.epoch(e, 1) for e in range(7)]), minlength=100)
    for s in range(3):
        assert np.ptp(seen[source == s]) <= 1


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4), block=st.integers(1, 50), power=st.floats(0, 1), number=st.integers(0, 5))  # fmt: skip
def test_blocks_are_of_one_source(sizes, block, power, number):
    source = np.repeat(np.arange(len(sizes)), sizes)
    rows = BalancedRows(np.arange(len(source)), source, power, block)
    order = rows.epoch(number, 0)
    mixed = BalancedRows(np.arange(len(source)), source, power).epoch(number, 0)
    np.testing.assert_array_equal(np.sort(order), np.sort(mixed))  # the same cells
    starts = np.flatnonzero(np.diff(source[order], prepend=-1))
    runs = dict.fromkeys(range(len(sizes)), ())
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        runs[source[order[start]]] += (stop - start,)
    for s, n in enumerate(rows.draws):
        assert sum(runs[s]) == n
        assert sum(r % block != 0 for r in runs[s]) <= 1  # blocks may meet; one of a source may be short


def test_blocks_come_in_a_random_order():
    source = np.repeat([0, 1], 1000)
    rows = BalancedRows(np.arange(2000), source, 0.5, 10)
    first = source[rows.epoch(0, 0)[::10]]
    assert 60 < first[:150].sum() < 90
    assert not np.array_equal(first, source[rows.epoch(1, 0)[::10]])


def test_drawn_rows(corpus):
    rows = draw_rows(corpus, 40, power=0.0, seed=2)
    assert len(rows) == 40
    assert (np.diff(rows) >= 0).all()
    assert len(draw_rows(corpus, 10**6)) == len(corpus)
    some = np.flatnonzero(corpus.arrays["source"] == 1)
    assert set(draw_rows(corpus, 5, rows=some)) <= set(some)


def test_the_sampler_starts_anywhere(corpus):
    rows = BalancedRows(np.arange(len(corpus)), corpus.arrays["source"], 0.5)
    whole, late = list(StepSampler(rows, 16, 11, seed=2)), list(StepSampler(rows, 16, 11, seed=2, start=7))
    for (a, x), (b, y) in zip(whole[7:], late, strict=True):
        assert a == b
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("view", ["identity", "thin", "subsample"])
def test_pretraining_on_a_corpus(corpus, view, tmp_path):
    model = scellm.CellLM.without_data(**SMALL)
    model.pretrain(corpus=str(corpus.folder), max_steps=3, batch_size=24, view=view, source_block=8, **QUIET)
    assert {"pretrain_contrastive", "pretrain_masked", "pretrain_origin"} <= set(model.history)
    adata = parts()["b"]
    vectors = model.get_latent_representation(adata)
    assert np.isfinite(vectors).all()
    model.save_pretrained(tmp_path / "w")
    again = scellm.CellLM.from_pretrained(tmp_path / "w")
    np.testing.assert_array_equal(again.get_latent_representation(adata), vectors)


def test_a_run_that_stopped_goes_on_to_the_same_weights(corpus, tmp_path):
    def run(steps, **kwargs):
        scellm.settings.seed = 4
        model = scellm.CellLM.without_data(**SMALL)
        model.pretrain(corpus=corpus, max_steps=steps, batch_size=24, view="thin", **QUIET, **kwargs)
        return model.module.state_dict()

    whole = run(5)

    class Stop(Exception):
        pass

    import lightning.pytorch as pl

    class StopAt(pl.Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            if batch_idx == 2:
                raise Stop

    with pytest.raises(Stop):
        run(5, checkpoint=tmp_path / "c.pt", checkpoint_every=1, callbacks=[StopAt()])
    resumed = run(5, checkpoint=tmp_path / "c.pt", checkpoint_every=1)
    for name, value in whole.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)


def test_only_a_corpus_is_ever_replaced(folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for target in (folder, tmp_path / "mine", tmp_path / "mine" / "notes.txt"):
        before = sorted(p.name for p in tmp_path.rglob("*"))
        with pytest.raises(FileExistsError, match="to hold a corpus and nothing else"):
            build_corpus(folder, target, overwrite=True)
        assert sorted(p.name for p in tmp_path.rglob("*")) == before
    (tmp_path / "empty").mkdir()
    assert len(build_corpus(folder, tmp_path / "empty", min_genes=10))


def test_the_card_counts_the_cells_that_were_kept(corpus):
    for number, source in enumerate(corpus.card["sources"]):
        origin = corpus.arrays["origin"][corpus.arrays["source"] == number]
        assert (source["cells"], source["tumor"], source["normal"]) == (len(origin), (origin == 1).sum(), (origin == 0).sum())  # fmt: skip


def test_what_is_refused(folder, corpus, tmp_path):
    with pytest.raises(FileExistsError, match="overwrite=True"):
        build_corpus(folder, corpus.folder)
    assert len(build_corpus(folder, corpus.folder, min_genes=10, overwrite=True)) == len(corpus)
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
    with pytest.raises(ValueError, match="names of their own"):
        build_corpus(tmp_path / "corpus", tmp_path / "x")
    with pytest.raises(ValueError, match="names of their own"):
        build_corpus([folder / "a.h5ad", folder / "a.h5ad"], tmp_path / "x")
    with pytest.raises(ValueError, match="source_power must be between"):
        BalancedRows(np.arange(3), np.zeros(3), 2.0)
    with pytest.raises(ValueError, match="source_block must be a whole number"):
        BalancedRows(np.arange(3), np.zeros(3), 0.5, 0)
    card = json.loads((corpus.folder / "corpus.json").read_text())
    (corpus.folder / "corpus.json").write_text(json.dumps(card | {"vocabulary_sha256": "0"}))
    with pytest.raises(ValueError, match="Build it anew"):
        Corpus(corpus.folder)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda a: ad.AnnData(a.X.toarray() - 0.5, var=a.var), r"bad\.h5ad: "),
        (lambda a: ad.AnnData(sp.csr_matrix(a.X * 0.37 + (a.X > 0) * 0.001), var=a.var), r"bad\.h5ad: .*whole counts"),
        (lambda a: a[:, :50].copy(), r"bad\.h5ad: "),
    ],
)
def test_a_bad_file_is_named_and_nothing_is_left(folder, tmp_path, bad, message):
    adata = bad(make_adata(n_obs=8))
    if adata.n_vars == 50:
        adata.var_names = [f"no-gene-{i}" for i in range(50)]
    adata.write_h5ad(folder / "bad.h5ad")
    with pytest.raises(ValueError, match=message):
        build_corpus(folder, tmp_path / "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files"]

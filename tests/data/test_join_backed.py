import sys

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import scellm
from scellm.data import join_backed
from tests.conftest import make_adata
from tests.data.test_read_backed import counted, write

pytest.importorskip("dask", reason="needs the extra stream")


def files(tmp_path, *parts):
    """Files a.h5ad, b.zarr, c.h5ad, ... of the parts."""
    suffixes = (".h5ad", ".zarr", ".h5ad")
    return [write(a, tmp_path / f"{n}{s}") for a, n, s in zip(parts, "abc", suffixes, strict=False)]


def test_files_with_other_genes_give_the_bins_of_each(tmp_path):
    whole = [make_adata(20, 2600, seed=i) for i in range(3)]
    parts = [whole[0], whole[0][:, :2300].copy(), whole[0][:, 200:].copy()]
    for part in parts[1:]:
        part.obs = part.obs.iloc[::-1].reset_index(drop=True).set_index(part.obs_names)
    joined = join_backed(files(tmp_path, *parts))
    assert joined.shape == (60, 2600)
    assert joined.obs_names[25] == "cell5-b"
    assert joined.obs["file"].tolist() == ["a"] * 20 + ["b"] * 20 + ["c"] * 20
    assert hasattr(joined.X, "compute")
    scellm.pp.prepare(joined)
    bins = joined.layers["celllm_bins"]
    for i, part in enumerate(parts):
        alone = scellm.pp.prepare(part, copy=True).layers["celllm_bins"]
        at = joined.var_names.get_indexer(part.var_names)
        np.testing.assert_array_equal(bins[20 * i : 20 * i + 20][:, at].toarray(), alone.toarray())
        assert bins[20 * i : 20 * i + 20].nnz == alone.nnz


def test_embeddings_are_those_of_each_file(tmp_path, trained):
    parts = [make_adata(20, 2300, seed=i) for i in range(2)]
    parts[1].var_names = parts[0].var_names
    joined = join_backed(files(tmp_path, *parts))
    scellm.tl.embed(joined, trained)
    for i, part in enumerate(parts):
        scellm.tl.embed(part, trained)
        np.testing.assert_allclose(
            joined.obsm["X_celllm"][20 * i : 20 * i + 20], part.obsm["X_celllm"], rtol=1e-5, atol=1e-4
        )


def test_of_each_file_the_matrix_is_taken_that_prepare_reads(tmp_path):
    """Counts in a layer, counts in raw, counts in X: one answer."""
    layered = counted()
    layered.raw = None
    in_raw = counted()
    del in_raw.layers["counts"]
    plain = make_adata(40, 2200, seed=8)
    joined = join_backed(files(tmp_path, layered, in_raw, plain))
    scellm.pp.prepare(joined)
    assert joined.uns["celllm"]["prepare"]["taken_for"] == "counts"
    bins = joined.layers["celllm_bins"].toarray()
    np.testing.assert_array_equal(bins[:40], bins[40:80])
    np.testing.assert_array_equal(bins[:40], bins[80:])


def test_parts_of_the_counts_are_added(tmp_path):
    whole = make_adata(20, 2200, seed=8)
    spliced = whole.copy()
    half = whole.X.copy()
    half.data = np.floor(half.data / 2)
    spliced.layers["spliced"], spliced.layers["unspliced"] = half, whole.X - half
    del spliced.X
    with pytest.warns(UserWarning, match=r"a\.h5ad: .*read their sum"):
        joined = join_backed(files(tmp_path, spliced, whole))
    scellm.pp.prepare(joined)
    bins = joined.layers["celllm_bins"].toarray()
    np.testing.assert_array_equal(bins[:20], bins[20:])


def test_a_layer_may_be_named_like_a_sum(tmp_path):
    named = counted()
    named.layers["spliced + unspliced"] = named.layers.pop("counts")
    named.raw = None
    joined = join_backed(files(tmp_path, named))
    np.testing.assert_array_equal(joined.X.compute().toarray(), named.layers["spliced + unspliced"].toarray())


def test_a_file_by_columns_is_read_once_and_says_so(tmp_path, caplog):
    by_columns = make_adata(30, 2300, kind=sp.csc_matrix)
    scellm._logging.logger.addHandler(caplog.handler)
    try:
        joined = join_backed(files(tmp_path, by_columns, make_adata(30, 2300)))
    finally:
        scellm._logging.logger.removeHandler(caplog.handler)
    assert "a.h5ad is stored by columns (CSC)" in caplog.text
    scellm.pp.prepare(joined)
    scellm.pp.prepare(by_columns)
    np.testing.assert_array_equal(
        joined.layers["celllm_bins"][:30].toarray(), by_columns.layers["celllm_bins"].toarray()
    )


def test_antibodies_stay_antibodies(tmp_path):
    """A gene that one file lacks must not cost the column that says what is a gene."""
    whole = make_adata(20, 2300)
    whole.var["feature_types"] = "Gene Expression"
    whole.var["gene_ids"] = [f"id{i}" for i in range(2300)]
    whole.var["differs"] = "a"
    names = whole.var_names.to_numpy().copy()
    names[:3] = ["CD45_antibody", "CD45RA", "CD8"]
    whole.var_names = names
    whole.var.iloc[:3, 0] = "Antibody Capture"
    parts = [whole[:, 5:].copy(), whole[:, :-4].copy()]
    parts[1].var["differs"] = "b"
    parts[0] = ad.concat([parts[0], whole[:, :3].copy()], axis=1, merge="same")
    joined = join_backed(files(tmp_path, *parts))
    assert joined.var.loc["CD45RA", "feature_types"] == "Antibody Capture"
    assert joined.var.loc[whole.var_names[4], "gene_ids"] == "id4"
    assert "differs" not in joined.var
    scellm.pp.prepare(joined)
    assert joined.uns["celllm"]["prepare"]["not_genes"] == 3
    assert joined.layers["celllm_bins"][:, joined.var_names.get_indexer(names[:3])].nnz == 0
    parts[1].var["feature_types"] = "Gene Expression"
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="disagree whether these columns are genes"):
        join_backed(files(tmp_path / "other", *parts))


def test_dense_files_have_zeros_for_genes_that_they_lack(tmp_path):
    dense = make_adata(10, 2300, kind=np.asarray)
    joined = join_backed(files(tmp_path, dense, dense[:, :2200].copy()))
    assert not np.isnan(np.asarray(joined.X.compute())).any()
    scellm.pp.prepare(joined)


def test_what_cannot_be_joined_is_refused(tmp_path, monkeypatch):
    one, other = make_adata(5, 2300), make_adata(5, 2300)
    other.var_names = [f"ENSG{i:011d}" for i in range(2300)]
    with pytest.raises(ValueError, match=r"share 0% of their genes.*build_corpus"):
        join_backed(files(tmp_path, one, other))
    with pytest.raises(ValueError, match=r"unique names; found \[\]"):
        join_backed([])
    with pytest.raises(TypeError, match="takes a list of paths; found one"):
        join_backed("atlas")
    (tmp_path / "twice").mkdir()
    one.var_names = ["A", "A", *one.var_names[2:]]
    with (
        pytest.warns(UserWarning, match="names are not unique"),  # AnnData's own
        pytest.raises(ValueError, match=r"'a' names genes twice, such as \['A'\]"),
    ):
        join_backed(files(tmp_path / "twice", one))
    one = make_adata(5, 2300)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"a.h5ad holds no cells"):
        join_backed(files(tmp_path / "empty", one[:0].copy()))
    (tmp_path / "scaled").mkdir()
    one.X = sp.csr_matrix(-np.ones((5, 2300)))
    with pytest.raises(ValueError, match=r"a\.h5ad: scellm needs raw counts"):
        join_backed(files(tmp_path / "scaled", one))
    with pytest.raises(ValueError, match="unique names"):
        join_backed([tmp_path / "a.h5ad", tmp_path / "a.h5ad"])
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setattr("scellm.data._join_backed.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"scellm\[stream\]"):
        join_backed([tmp_path / "a.h5ad"])

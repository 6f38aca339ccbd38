import sys

import numpy as np
import pytest

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


def test_raw_is_taken_where_all_files_have_it(tmp_path):
    joined = join_backed(files(tmp_path, counted(), counted()))
    assert not joined.layers
    scellm.pp.prepare(joined)
    assert joined.uns["celllm"]["prepare"]["taken_for"] == "counts"
    without = counted()
    without.raw = None
    layers = join_backed(files(tmp_path, counted(), without)).layers
    assert list(layers) == ["counts"] or [k for k in layers if k] == ["counts"]


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
    with pytest.raises(ValueError, match="unique names"):
        join_backed([tmp_path / "a.h5ad", tmp_path / "a.h5ad"])
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setattr("scellm.data._join_backed.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"scellm\[stream\]"):
        join_backed([tmp_path / "a.h5ad"])

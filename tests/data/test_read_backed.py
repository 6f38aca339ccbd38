import warnings

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp
import zarr

import scellm
from scellm.data import read_backed
from scellm.data._prepared import stored_bins
from scellm.data._read_backed import opened
from tests.conftest import QUIET, SMALL, make_adata

warnings.filterwarnings("ignore", message="Writing zarr v2 data")


def write(adata, path):
    """Write a file; zarr warns of the format that it writes, and an old HDF5 file is none of ours."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Writing zarr v2 data")
        if path.suffix == ".zarr":
            adata.write_zarr(path)
        else:
            adata.write_h5ad(path)
    return path


def counted():
    """Cells with counts in a layer and in raw, and normalised values in X."""
    adata = make_adata(40, 2200, seed=8)
    adata.raw = adata.copy()
    adata.layers["counts"] = adata.X.copy()
    adata.X = sp.csr_matrix(np.log1p(adata.X.toarray() / adata.X.sum(1) * 1e4))
    adata.obsm["X_mine"] = np.arange(80.0).reshape(40, 2)
    adata.uns["note"] = "kept"
    return adata


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, np.asarray])
def test_data_on_disk_give_the_bins_of_data_in_memory(tmp_path, suffix, kind):
    adata = make_adata(40, 2200, seed=8, kind=kind)
    found = read_backed(write(adata, tmp_path / f"a{suffix}"))
    assert not sp.issparse(found.X)
    assert not isinstance(found.X, np.ndarray)
    before = found.X
    scellm.pp.prepare(adata)
    scellm.pp.prepare(found)
    assert found.X is before
    assert abs(found.layers["celllm_bins"] - adata.layers["celllm_bins"]).max() == 0
    assert found.layers["celllm_bins"].has_canonical_format
    np.testing.assert_array_equal(found.var["celllm_gene"], adata.var["celllm_gene"])
    rows = np.array([31, 2, 2, 17])
    np.testing.assert_array_equal(
        found[rows].layers["celllm_bins"].toarray(), adata[rows].layers["celllm_bins"].toarray()
    )


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_layers_and_raw_stay_on_disk_and_all_else_is_read(tmp_path, suffix):
    adata = counted()
    found = read_backed(write(adata, tmp_path / f"a{suffix}"))
    for matrix in (found.X, found.layers["counts"], found.raw.X):
        assert hasattr(matrix, "to_memory")
    np.testing.assert_array_equal(found.obsm["X_mine"], adata.obsm["X_mine"])
    assert found.uns["note"] == "kept"
    assert found.obs["cell_type"].tolist() == adata.obs["cell_type"].tolist()
    assert found.raw.var_names.equals(adata.raw.var_names)
    scellm.pp.prepare(found)
    scellm.pp.prepare(adata)
    assert found.uns["celllm"]["prepare"] == adata.uns["celllm"]["prepare"]
    assert abs(found.layers["celllm_bins"] - adata.layers["celllm_bins"]).max() == 0


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_pretraining_embedding_and_types_are_those_of_data_in_memory(tmp_path, suffix):
    adata = counted()
    found = read_backed(write(adata, tmp_path / f"a{suffix}"))
    results = []
    for data in (adata, found):
        scellm.settings.seed = 0
        scellm.CellLM.setup_anndata(data, labels_key="cell_type", malignancy_key="origin")
        model = scellm.CellLM(data, **SMALL)
        model.pretrain(max_steps=2, batch_size=16, **QUIET)
        model.train(**QUIET)
        scellm.tl.embed(data, model)
        scellm.tl.annotate(data, model, key_added="found")
        results.append((data.obsm["X_celllm"], data.obsm["found_probabilities"].to_numpy()))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_copies_are_in_memory(tmp_path, trained):
    found = read_backed(write(counted(), tmp_path / "a.zarr"))
    copied = scellm.tl.embed(found, trained, copy=True)
    assert sp.issparse(copied.X)
    assert "X_celllm" not in found.obsm
    assert sp.issparse(scellm.pp.prepare(found, copy=True).layers["counts"])


def test_what_was_read_can_be_written(tmp_path, trained):
    found = read_backed(write(counted(), tmp_path / "a.zarr"))
    scellm.tl.embed(found, trained)
    again = ad.read_h5ad(write(found, tmp_path / "b.h5ad"))
    np.testing.assert_array_equal(again.obsm["X_celllm"], found.obsm["X_celllm"])
    assert abs(again.layers["celllm_bins"] - found.layers["celllm_bins"]).max() == 0


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_a_file_that_was_prepared_is_read_as_it_is(tmp_path, suffix, trained):
    adata = counted()
    scellm.tl.embed(adata, trained)
    found = read_backed(write(adata, tmp_path / f"a{suffix}"))
    assert isinstance(found.layers["celllm_bins"], sp.csr_matrix)
    np.testing.assert_array_equal(trained.get_latent_representation(found), adata.obsm["X_celllm"])
    scellm.CellLM.setup_anndata(found)
    other = ad.AnnData(adata.X, obs=adata.obs, var=adata.var, uns={"celllm": adata.uns["celllm"]})
    other.layers["celllm_bins"] = read_backed(write(adata, tmp_path / f"b{suffix}")).layers["counts"]
    assert stored_bins(other)[0].nnz == adata.layers["counts"].nnz  # a layer that somebody else left on disk


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_dense_data_on_disk_can_be_copied(tmp_path, suffix, trained):
    adata = make_adata(20, 2200, kind=np.asarray)
    found = read_backed(write(adata, tmp_path / f"a{suffix}"))
    copied = scellm.tl.embed(found, trained, copy=True)
    assert isinstance(copied.X, np.ndarray)
    assert "X_celllm" not in found.obsm


def test_no_x(tmp_path):
    adata = counted()
    del adata.X
    found = read_backed(write(adata, tmp_path / "a.h5ad"))
    assert found.X is None
    scellm.pp.prepare(found)


def test_a_file_is_closed_after_its_context(tmp_path):
    with opened(write(counted(), tmp_path / "a.h5ad")) as adata:
        matrix = adata.X
        assert matrix[:2].shape == (2, 2200)
    assert not matrix.group


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_backed(tmp_path / "none.h5ad")
    (tmp_path / "text.h5ad").write_text("no hdf5")
    with pytest.raises(ValueError, match=r"cannot be read as an AnnData: .*AnnData.write_h5ad"):
        read_backed(tmp_path / "text.h5ad")
    write(counted(), tmp_path / "a.h5ad")
    with h5py.File(tmp_path / "10x.h5", "w") as file:
        file.create_group("matrix")
    with pytest.raises(ValueError, match=r"file of 10x: read it with scanpy.read_10x_h5"):
        read_backed(tmp_path / "10x.h5")
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    with pytest.raises(ValueError, match="has no obs and var"):
        read_backed(tmp_path / "other.zarr")
    with pytest.raises(ValueError, match=r"folder with files such as \['a.h5ad', 'other.zarr', 'text.h5ad'\]"):
        read_backed(tmp_path)

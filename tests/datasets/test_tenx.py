import numpy as np
import pytest

from scellm.datasets._tenx import read_tenx_archive
from tests.datasets.tenx import BARCODES, COUNTS, write_archive


@pytest.mark.parametrize("inner", ["filtered_gene_bc_matrices/hg19", "filtered_matrices_mex/hg19"])
def test_counts_and_names(tmp_path, inner):
    write_archive(tmp_path / "a.tar.gz", inner)
    adata = read_tenx_archive(tmp_path / "a.tar.gz", source="here")
    np.testing.assert_array_equal(adata.X.toarray(), COUNTS)
    assert adata.X.dtype == np.float32
    assert list(adata.obs_names) == BARCODES
    assert list(adata.var_names) == ["CD3D", "LYZ", "LYZ-1"]
    assert list(adata.var["ensembl"]) == ["ENSG1", "ENSG2", "ENSG3"]


def test_another_archive(tmp_path):
    write_archive(tmp_path / "a.tar.gz", "x", skip=("genes.tsv",))
    with pytest.raises(ValueError, match=r"holds no genes.tsv.*no matrix of Cell Ranger"):
        read_tenx_archive(tmp_path / "a.tar.gz")

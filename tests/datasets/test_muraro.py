import gzip

import numpy as np
import pytest

import scellm
from scellm.datasets import _muraro

TABLE = '"D28-1_1"\t"D28-1_2"\t"D30-2_7"\n"INS__chr11"\t1.0019582262109\t0\t2.004\n"A1BG__chr19"\t0\t3.01\t0\n'


def test_matrix_and_labels(public, unhashed, tmp_path):
    unhashed(_muraro, "COUNTS")
    (public / _muraro.COUNTS.name).write_bytes(gzip.compress(TABLE.encode()))
    adata = scellm.datasets.muraro()
    assert list(adata.var_names) == ["INS", "A1BG"]
    assert list(adata.obs["donor"]) == ["D28", "D28", "D30"]
    assert set(adata.obs["cell_type"]) == {"unknown"}
    np.testing.assert_allclose(adata.X.toarray()[:, 0], [1.0019582, 0, 2.004])
    labels = tmp_path / "labels.csv"
    labels.write_text("x\nD28.1_1\talpha\nD30.2_7\tbeta\n")
    assert list(scellm.datasets.muraro(labels).obs["cell_type"]) == ["alpha", "unknown", "beta"]
    labels.write_text("x\ncell_1\talpha\n")
    with pytest.raises(ValueError, match=r"No cell of .* found \['cell_1'\], expected \['D28-1_1'"):
        scellm.datasets.muraro(labels)

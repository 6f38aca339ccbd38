import gzip
import io
import tarfile

import numpy as np
import pytest

import scellm
from scellm.datasets import _baron


def test_donors_of_the_archive(public, unhashed):
    unhashed(_baron, "ARCHIVE")
    with tarfile.open(public / _baron.ARCHIVE.name, "w") as archive:
        for donor in (1, 2):
            rows = [
                f'"human{donor}_lib1.cell_{i}","ACGT-{i}","{t}",{i},{donor}' for i, t in enumerate(["alpha", "beta"])
            ]
            text = '"","barcode","assigned_cluster","GCG","INS"\n' + "\n".join(rows) + "\n"
            content = gzip.compress(text.encode())
            info = tarfile.TarInfo(f"GSM223075{6 + donor}_human{donor}_umifm_counts.csv.gz")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    adata = scellm.datasets.baron([1, 2])
    assert list(adata.var_names) == ["GCG", "INS"]
    np.testing.assert_array_equal(adata.X.toarray(), [[0, 1], [1, 1], [0, 2], [1, 2]])
    assert list(adata.obs["cell_type"]) == ["alpha", "beta", "alpha", "beta"]
    assert list(adata.obs["donor"]) == ["donor 1"] * 2 + ["donor 2"] * 2
    assert adata.X.format == "csr"
    assert scellm.datasets.baron([1, 1]).n_obs == 2
    assert scellm.datasets.baron(2).n_obs == 2
    with pytest.raises(ValueError, match="has no file of donor 3; it holds"):
        scellm.datasets.baron(3)
    with pytest.raises(ValueError, match="donors=5"):
        scellm.datasets.baron([5])

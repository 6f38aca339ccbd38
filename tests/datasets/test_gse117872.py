import gzip

import numpy as np
import pytest

import scellm
from scellm.datasets import _gse117872

INFO = "groups\tcell_color\tpatient_id\torigin\tdrug_status\tcluster\n"


def test_response_is_the_cluster(public):
    (public / _gse117872.VALUES.name).write_bytes(gzip.compress(b"HN120.P.1\tHN120.P.2\nACTB\t5.5\t0\nTP53\t0\t2\n"))
    rows = "HN120-P-2\tHN120P\tHN120\tHN120\tPrimary\tResistant\nHN120-P-1\tHN120P\tHN120\tHN120\tPrimary\tSensitive\n"
    (public / _gse117872.LABELS.name).write_bytes(gzip.compress((INFO + rows).encode()))
    adata = scellm.datasets.gse117872()
    np.testing.assert_array_equal(adata.X.toarray(), [[5.5, 0], [0, 2]])
    assert list(adata.obs["response"]) == ["Sensitive", "Resistant"]
    assert adata.uns["values"] == "TPM"


def test_cells_without_a_row(public):
    (public / _gse117872.VALUES.name).write_bytes(gzip.compress(b"a\tb\nACTB\t5.5\t0\n"))
    (public / _gse117872.LABELS.name).write_bytes(gzip.compress((INFO + "a\tx\tx\tx\tx\tSensitive\n").encode()))
    with pytest.raises(ValueError, match=r"1 cells of .* are not in .*, such as 'b'"):
        scellm.datasets.gse117872()

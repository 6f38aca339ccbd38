import gzip

import numpy as np
import pytest

import scellm
from scellm.datasets import _xin

MATRIX = (
    '!Series_title\t"x"\n!Sample_title\t"Pancreatic islet cell sample 2"\t"Pancreatic islet cell sample 1"\n'
    '!Sample_characteristics_ch1\t"cell subtype: beta"\t"cell subtype: PP"\n'
    '!Sample_characteristics_ch1\t"donor id: D2"\t"donor id: D1"\n'
)


def test_values_and_samples(public):
    values = "gene.id\tSample_1\tSample_2\n1\t0\t2.5\n503538\t1\t0\n"
    (public / _xin.VALUES.name).write_bytes(gzip.compress(values.encode()))
    (public / _xin.LABELS.name).write_bytes(gzip.compress(MATRIX.encode()))
    adata = scellm.datasets.xin()
    assert list(adata.var_names) == ["1", "503538"]
    np.testing.assert_array_equal(adata.X.toarray(), [[0, 1], [2.5, 0]])
    assert list(adata.obs["cell_type"]) == ["PP", "beta"]
    assert list(adata.obs["donor id"]) == ["D1", "D2"]
    assert adata.uns["values"] == "RPKM"


def test_a_series_without_types(tmp_path):
    (tmp_path / "m.gz").write_bytes(gzip.compress(MATRIX.replace("cell subtype", "age").encode()))
    with pytest.raises(ValueError, match=r"states no 'cell subtype'; it states \['age', 'donor id'\]"):
        _xin.read_samples(tmp_path / "m.gz")


def test_rows_may_state_different_things(tmp_path):
    text = (
        '!Sample_title\t"sample 1"\t"sample 2"\n!Sample_characteristics_ch1\t"gender: F"\t"cell subtype: beta"\n'
        '!Sample_characteristics_ch1\t"cell subtype: alpha"\t"gender: M"\n'
    )
    (tmp_path / "m.gz").write_bytes(gzip.compress(text.encode()))
    table = _xin.read_samples(tmp_path / "m.gz")
    assert list(table["cell_type"]) == ["alpha", "beta"]
    assert list(table["gender"]) == ["F", "M"]

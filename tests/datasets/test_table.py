import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from scellm.datasets import _table
from scellm.datasets._table import cells_by_genes, read_sparse


def test_a_table_in_parts(tmp_path, monkeypatch):
    values = np.random.default_rng(0).poisson(0.3, (25, 7))
    table = pd.DataFrame(values, index=[f"r{i}" for i in range(25)], columns=list("abcdefg"))
    table.insert(0, "word", [f"w{i}" for i in range(25)])
    table.to_csv(tmp_path / "t.csv.gz")
    monkeypatch.setattr(_table, "_ROWS", 10)
    x, rows, columns, others = read_sparse(tmp_path / "t.csv.gz", sep=",", names=["word"])
    assert x.format == "csr"
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x.toarray(), values)
    assert list(rows) == list(table.index)
    assert list(columns) == list("abcdefg")
    assert others["word"].tolist() == table["word"].tolist()


def test_names_are_made_unique():
    adata = cells_by_genes(sp.csr_matrix((2, 2)), pd.Index(["a", "b"]), pd.Index(["g", "g"]), uns={"source": "s"})
    assert list(adata.var_names) == ["g", "g-1"]
    assert adata.uns["source"] == "s"


@pytest.mark.parametrize("text", [",a,b\ng1,1,2\ng2,3", ",a,b\ng1,1,x\n", ",a,b\ng1,,2\n"])
def test_files_that_were_cut_off(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=r"t.csv: row 'g\d' holds a value that is missing or no number"):
        read_sparse(tmp_path / "t.csv", sep=",")


def test_a_gene_called_na(tmp_path):
    (tmp_path / "t.csv").write_text(",a\nNA,1\nnan,2\n")
    assert list(read_sparse(tmp_path / "t.csv", sep=",")[1]) == ["NA", "nan"]

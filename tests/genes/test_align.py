import numpy as np
import pandas as pd

from scellm.genes import align_rows, load_vocabulary


def test_the_first_usable_row_of_a_gene_counts():
    symbols = load_vocabulary().symbols
    names = pd.Index(["CD4", "nonsense", "CD3E", "ENSG00000198851", "CD4"])
    rows = align_rows(names, "names")
    assert rows[symbols.get_loc("CD3E")] == 2
    assert rows[symbols.get_loc("CD4")] == 0
    assert len(rows) == 2
    usable = np.array([False, True, False, True, True])
    rows = align_rows(names, "names", usable)
    assert rows[symbols.get_loc("CD3E")] == 3
    assert rows[symbols.get_loc("CD4")] == 4

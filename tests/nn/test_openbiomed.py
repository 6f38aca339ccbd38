import numpy as np
import pytest
import torch

import scellm
from scellm.data import Tokens

SYMBOLS = scellm.genes.load_vocabulary().symbols


@pytest.fixture(scope="module")
def symbols():
    """Genes in a random order, with two unknown names."""
    order = np.random.default_rng(0).permutation(len(SYMBOLS))[:3000]
    return ["no-such-gene-1", *SYMBOLS[order], "no-such-gene-2"]


def test_cells_that_are_too_long_are_cut_by_the_order_of_genes(symbols, tmp_path):
    from scellm.nn._openbiomed import admit

    tokens = Tokens(torch.tensor([5, 1, 9, 3, 2, 7]), torch.tensor([0, 1, 2, 3, 4, 5]), torch.tensor([0, 4, 6]))
    known = torch.ones(10, dtype=torch.bool)
    known[3] = False
    found = admit(tokens, known, 3)
    assert found.gene.tolist() == [1, 5, 2, 7]
    assert found.bin.tolist() == [1, 0, 4, 5]
    assert found.offsets.tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    "options",
    [{"compat": "scbert"}, {"compat": "openbiomed"}, {"compat": "openbiomed", "pooling": "mean", "dropout": 0.1}],
)
def test_compat_is_for_imported_weights(prepared, options):
    with pytest.raises(ValueError, match="compat="):
        scellm.CellLM(prepared, **{"dropout": 0.0, **options})

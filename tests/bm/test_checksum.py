import numpy as np
import scanpy as sc

from scellm.bm._checksum import checksum
from tests.conftest import make_adata


def test_transformations_change_it():
    adata = make_adata(20)
    before = checksum(adata)
    assert checksum(adata.copy()) == before
    sc.pp.log1p(adata)
    assert checksum(adata) != before
    adata.X = adata.X.toarray()
    dense = checksum(adata)
    sc.pp.scale(adata)
    assert checksum(adata) != dense
    adata.X = None
    assert checksum(adata) == ()
    assert np.isfinite(dense).all()

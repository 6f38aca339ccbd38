"""Sources of a small corpus."""

import numpy as np
import scipy.sparse as sp

import scellm
from tests.conftest import make_adata


def parts():
    """Three sources with different genes and names, a missing column, and some cells that are too small."""
    a = make_adata(n_obs=40, n_vars=2400, seed=1)
    b = make_adata(n_obs=25, n_vars=3010, seed=2)[:, ::-1].copy()
    ids = scellm.genes.load_vocabulary().table.set_index("symbol")["ensembl_id"]
    b.var_names = [i if isinstance(i, str) else s for i, s in zip(ids[b.var_names], b.var_names, strict=True)]
    c = make_adata(n_obs=10, n_vars=2400, seed=3)
    c.obs = c.obs[["cell_type"]]
    c.X = sp.csr_matrix(sp.diags((np.arange(10) > 0).astype(np.float32)) @ c.X)  # one empty cell
    a.uns["licence"] = "CC0"
    return {"a": a, "b": b, "c": c}

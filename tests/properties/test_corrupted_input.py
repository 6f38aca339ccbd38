"""An AnnData in any form gives the bins of its clean counts, or a warning or an error that leaves it as it was."""

import os
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scellm
from tests.conftest import make_adata
from tests.reference.bins import by_vocabulary

EXAMPLES = int(os.environ.get("SCELLM_CORRUPTIONS", "700"))
CLEAN = make_adata(24, 2150, seed=11)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    WANT = by_vocabulary(scellm.pp.prepare(CLEAN, copy=True))
IDS = scellm.genes.load_vocabulary().table.set_index("symbol")["ensembl_id"]

DTYPES = [np.float32, np.float64, np.int16, np.uint8, np.uint16, np.int32, np.int64, bool, np.float16, object]
KINDS = {
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
    "array": sp.csr_array,
    "dense": lambda x: x.toarray(),
    "matrix": lambda x: np.asarray(x.todense()),
}


def counts() -> sp.csr_matrix:
    return CLEAN.X.copy()


def scaled(x: sp.csr_matrix, target: float) -> sp.csr_matrix:
    total = np.asarray(x.sum(1), float).ravel()
    return sp.csr_matrix(sp.diags(target / np.maximum(total, 1)) @ x.astype(float))


def mapped(x: sp.csr_matrix, f) -> sp.csr_matrix:
    return sp.csr_matrix((f(x.data), x.indices, x.indptr), x.shape)


FORMS = {
    "counts": lambda x, t, b: x,
    "scaled": lambda x, t, b: scaled(x, t),
    "log": lambda x, t, b: mapped(scaled(x, t), lambda v: np.log1p(v) / np.log(b)),
    "log of counts": lambda x, t, b: mapped(x, lambda v: np.log1p(v) / np.log(b)),
    "size factors": lambda x, t, b: mapped(
        sp.csr_matrix(sp.diags(np.random.default_rng(0).lognormal(0, 0.3, x.shape[0])) @ x.astype(float)),
        lambda v: np.log1p(v) / np.log(b),
    ),
    "noise": lambda x, t, b: mapped(x, lambda v: v + np.random.default_rng(1).uniform(-4e-4, 4e-4, len(v))),
    "decimals": lambda x, t, b: mapped(x, lambda v: v * np.random.default_rng(2).uniform(0.7, 1.3, len(v))),
    "root": lambda x, t, b: mapped(x, np.sqrt),
    "mask": lambda x, t, b: mapped(x, lambda v: np.ones_like(v)),
    "centred": lambda x, t, b: sp.csr_matrix(np.asarray(x.todense(), float) - 0.3),
    "log, scaled": lambda x, t, b: scaled(mapped(x, np.log1p), t),
}

LAYERS = {
    "bins": lambda x: mapped(x, lambda v: np.floor(np.log2(v + 1)) + 1),
    "ranks": lambda x: sp.csr_matrix(np.argsort(np.argsort(x.toarray(), 1), 1).astype(np.float32)),
    "ambient": lambda x: mapped(x, lambda v: np.maximum(v // 3, 0)),
    "spliced": lambda x: mapped(x, lambda v: np.maximum(v - 1, 0)),
    "mask": lambda x: x > 0,
    "zeros": lambda x: sp.csr_matrix(x.shape),
    "nan": lambda x: mapped(x.astype(float), lambda v: np.where(np.arange(len(v)) == 7, np.nan, v)),
}

NAMES = {
    "symbols": lambda n: n,
    "ensembl": lambda n: [IDS[s] if isinstance(IDS[s], str) else s for s in n],
    "versions": lambda n: [f"{IDS[s]}.3" if isinstance(IDS[s], str) else s for s in n],
    "lower": lambda n: [s.lower() for s in n],
    "dots": lambda n: [s.replace("-", ".") for s in n],
    "prefix": lambda n: [f"GRCh38_{s}" for s in n],
    "joined": lambda n: [f"{s}|x{i}" for i, s in enumerate(n)],
    "numbers": lambda n: [str(i) for i in range(len(n))],
}


@st.composite
def corrupted(draw) -> ad.AnnData:
    """A clean AnnData in another form: values, dtype, storage, layers, names, cells of another form, order."""
    base, target = draw(st.sampled_from([np.e, 2.0, 10.0])), draw(st.sampled_from([1e3, 5e3, 1e4, 1e6, 777.0]))
    form = draw(st.sampled_from([*FORMS, *["counts", "log"] * 3]))
    x = FORMS[form](counts(), target, base)
    if draw(st.integers(0, 4)) == 0 and form != "mask":  # some cells in another form
        rows = np.arange(24) < draw(st.sampled_from([1, 3, 12, 23]))
        # a cell with few genes, all at one count, is an ordinary cell: masks are not mixed in
        other = FORMS[draw(st.sampled_from([f for f in FORMS if f != "mask"]))](counts(), target, base)
        x = sp.csr_matrix(sp.diags(rows.astype(float)) @ other + sp.diags(1.0 - rows) @ x)
        x.eliminate_zeros()
    dtype = draw(st.sampled_from(DTYPES)) if (x.data == np.floor(x.data)).all() else draw(st.sampled_from(DTYPES[:2]))
    x = (
        x.toarray().astype(dtype)
        if dtype in (object, np.float16)
        else KINDS[draw(st.sampled_from(list(KINDS)))](x.astype(dtype))
    )
    var = pd.DataFrame(index=pd.Index(NAMES[draw(st.sampled_from(list(NAMES)))](list(CLEAN.var_names))))
    if draw(st.booleans()):
        var["symbol"] = list(CLEAN.var_names)
    adata = ad.AnnData(x, obs=pd.DataFrame(index=CLEAN.obs_names), var=var)
    for name in draw(st.lists(st.sampled_from(list(LAYERS)), max_size=2, unique=True)):
        adata.layers[name] = LAYERS[name](counts())
    if draw(st.integers(0, 3)) == 0:
        adata.layers["counts"] = counts()
    if draw(st.integers(0, 3)) == 0 and dtype is not object:
        adata.raw = adata.copy()
        if draw(st.booleans()):
            adata = adata[:, :700].copy()
    return adata


def keys(adata: ad.AnnData) -> tuple:
    return set(adata.layers), set(adata.uns), set(adata.var), set(adata.obsm), set(adata.obs)


def check(adata: ad.AnnData) -> None:
    before = keys(adata)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            scellm.pp.prepare(adata)
        except (KeyError, TypeError, ValueError):
            assert keys(adata) == before
            return
    found = by_vocabulary(adata)
    off = (found != WANT).nnz / WANT.nnz
    silent = not [w for w in said if issubclass(w.category, UserWarning)]
    assert off < 1e-3 or not silent, f"{off:.0%} of the tokens differ, in silence: {adata.uns['celllm']['prepare']}"


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(corrupted())
def test_no_corruption_is_read_otherwise_in_silence(adata):
    check(adata)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(corrupted())
def test_a_few_of_them(adata):
    check(adata)

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import rankdata

from scellm.drug import Profiles
from tests.responses import make_lines


@pytest.fixture
def lines():
    return make_lines(n_lines=12, n_genes=150)


def with_x(lines, x):
    return ad.AnnData(x, obs=lines.obs, var=lines.var)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_ranks_are_the_same_in_every_unit(lines, kind):
    counts = np.random.default_rng(0).poisson(lines.X * 3).astype(float)
    forms = {
        "counts": counts,
        "tpm": counts / counts.sum(1, keepdims=True) * 1e6,
        "log2_tpm1": np.log2(counts / counts.sum(1, keepdims=True) * 1e6 + 1),
        "log1p": np.log1p(counts),
    }
    for units, x in forms.items():
        for asked in (units, "auto"):
            found = Profiles.of(with_x(lines, kind(x)), asked)
            np.testing.assert_allclose(found.ranks(found.genes), (rankdata(counts, axis=1) - 0.5) / 150, rtol=1e-6)
    centred = counts - counts.mean(1, keepdims=True)
    found = Profiles.of(with_x(lines, centred), "standardized")
    np.testing.assert_allclose(found.ranks(found.genes), (rankdata(counts, axis=1) - 0.5) / 150, rtol=1e-6)


def test_auto_tells_units_apart(lines):
    counts = np.random.default_rng(0).poisson(lines.X * 3).astype(float)
    assert Profiles.of(with_x(lines, counts)).units == "counts"
    assert Profiles.of(with_x(lines, counts * 1000.5)).units == "tpm"
    assert Profiles.of(with_x(lines, np.log2(counts + 1))).units == "log2_tpm1"


def test_genes_are_in_the_order_of_the_vocabulary_and_rows_can_be_chosen(lines):
    found = Profiles.of(lines[:, ::-1].copy())
    assert (np.diff(found.genes) > 0).all()
    np.testing.assert_allclose(found.x, Profiles.of(lines).x)
    assert len(found.select(np.array([2, 0]))) == 2


@pytest.mark.parametrize(("units", "total"), [("counts", 6.0), ("tpm", 60.0), ("log1p", 2.0)])
def test_two_columns_of_a_gene(lines, units, total):
    x = np.full((12, 150), 3.0 if units == "log1p" else 4.0 if units == "counts" else 40.0)
    x[:, 0], x[:, 1] = 2.0 * (10 if units == "tpm" else 1), 4.0 * (10 if units == "tpm" else 1)
    twice = with_x(lines, x)
    twice.var_names = [twice.var_names[0], *twice.var_names[[0]], *twice.var_names[2:]]
    found = Profiles.of(twice, units)
    assert found.x.shape == (12, 149)
    gene = Profiles.of(lines).genes[0]
    assert (np.asarray(found.x)[:, found.genes == gene] == total).all()


def test_values_centred_over_lines_are_named(lines):
    x = (lines.X - lines.X.mean(0)) / lines.X.std(0)
    assert Profiles.of(with_x(lines, x), "standardized").units == "standardized by gene"
    some = make_lines(n_lines=60)
    some.X = (some.X - some.X.mean(0)) / some.X.std(0)
    assert Profiles.of(some[:30].copy(), "standardized").units == "standardized by gene"
    within = make_lines(n_lines=60)
    within.X -= within.X.mean(1, keepdims=True)
    assert Profiles.of(within[:30].copy(), "standardized").units == "standardized"


def test_a_file_on_disk(lines, tmp_path):
    lines.X = sp.csr_matrix(lines.X)
    lines.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    np.testing.assert_allclose(Profiles.of(backed).x.toarray(), Profiles.of(lines).x.toarray())


@pytest.mark.parametrize(
    ("change", "units", "message"),
    [
        (lambda x: x - 5, "auto", r"go down to -\d.*pass units='standardized'"),
        (lambda x: x - 5, "tpm", "not tpm"),
        (lambda x: x * np.nan, "auto", "not finite, such as in 'L0'"),
        (lambda x: x * 0, "auto", "12 profiles hold one value only"),
        (lambda x: np.where(np.arange(12)[:, None] == 3, 2.0, x), "auto", r"one value only, such as \['L3'\]"),
        (lambda x: x + 0.5, "counts", "decimals such as"),
        (lambda x: x * 10, "log2_tpm1", "no logarithm of TPM"),
        (lambda x: x, "tpm", "seem to be logarithms"),
        (lambda x: x, "rpkm", "units='rpkm' is not known"),
    ],
)
def test_bad_values(lines, change, units, message):
    with pytest.raises(ValueError, match=message):
        Profiles.of(with_x(lines, change(lines.X)), units)


def test_bad_data(lines):
    with pytest.raises(KeyError, match=r"layer='x' is not in adata\.layers"):
        Profiles.of(lines, layer="x")
    with pytest.raises(ValueError, match="50 of 50 genes are known"):
        Profiles.of(lines[:, :50].copy())
    with pytest.raises(ValueError, match="holds no profiles"):
        Profiles.of(lines[:0].copy())

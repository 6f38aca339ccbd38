import numpy as np
import pytest
import scipy.sparse as sp

from scellm.pp._detected import COUNTS, DECIMAL, LOG, MIXED, NORMALISED, DetectedInput
from scellm.pp._linear import linear

COUNT = np.array([[1, 0, 4], [2, 3, 1], [0, 5, 1.0]])
TOTAL = COUNT.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("values", "detected", "want", "totals"),
    [
        (COUNT, DetectedInput(COUNTS, ""), COUNT, [5, 6, 6]),
        (COUNT + 1e-4 * (COUNT > 0), DetectedInput(COUNTS, "", rounded=True), COUNT, [5, 6, 6]),
        (COUNT * 1.5, DetectedInput(DECIMAL, ""), COUNT * 1.5, [7.5, 9, 9]),
        (np.log1p(COUNT / TOTAL * 1e4), DetectedInput(LOG, "", np.e, exact=True), COUNT, [5, 6, 6]),
        (np.log2(COUNT + 1), DetectedInput(LOG, "", 2.0, exact=True), COUNT, [5, 6, 6]),
        (COUNT / TOTAL * 50, DetectedInput(NORMALISED, "", exact=True), COUNT, [5, 6, 6]),
        (np.log1p(COUNT / TOTAL * 1e4), DetectedInput(LOG, "", np.e, 2e4, exact=True), COUNT, [10, 12, 12]),
    ],
    ids=["counts", "noise", "decimals", "log", "log2", "scaled", "log of a part"],
)
def test_counts_and_totals(values, detected, want, totals):
    found, sums = linear(sp.csr_matrix(values), detected)
    np.testing.assert_allclose(found.toarray(), want, rtol=1e-6)
    np.testing.assert_allclose(sums, totals, rtol=1e-6)


def test_each_cell_by_its_own_form():
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (4, 60)) + (np.arange(60) == 3)
    share = counts / counts.sum(1, keepdims=True) * 1e4
    mixed = np.stack([counts[0], np.log1p(share[1]), np.log2(share[2] + 1), share[3]])
    found, sums = linear(sp.csr_matrix(mixed), DetectedInput(MIXED, "", exact=True))
    np.testing.assert_allclose(found.toarray(), counts)
    np.testing.assert_allclose(sums, counts.sum(1))

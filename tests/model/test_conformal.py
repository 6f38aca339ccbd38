import numpy as np
import pytest
import torch
from crepes import ConformalClassifier
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from scellm.model._conformal import Calibration, Conformal, NearestCells, _folds, needed, possible


def calibration(counts, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(counts)), counts)
    return Calibration(codes, np.round(rng.normal(size=len(codes)), 1))  # rounded: there are ties


def crepes_p(own, new):
    oracle = ConformalClassifier().fit(own)
    return oracle.predict_p(new[:, None], smoothing=False)[:, 0]


def blobs(n=200, d=60, seed=0):
    """Three types as clouds of cells, and logits that point at them."""
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(3, size=n))
    z = (rng.normal(size=(n, d)) + 4 * np.eye(3, d)[codes]).astype(np.float32)
    return z, codes, 3.0 * z[:, :3].astype(np.float64)


@pytest.mark.parametrize("counts", [[30, 19, 40], [30, 18, 40, 3], [30, 5, 60, 20, 0]])
def test_p_values_are_those_of_crepes_by_type_and_pooled_below_19_cells(counts):
    c, few = calibration(counts), np.array(counts) < 19
    new = np.round(np.random.default_rng(1).normal(size=(50, len(counts))), 1)
    p = c.p_values(new, 0.95)
    assert (c.pooled(len(counts), 0.95) == few).all()
    for t in range(len(counts)):
        np.testing.assert_allclose(p[:, t], crepes_p(c.scores if few[t] else c.scores[c.codes == t], new[:, t]))


@pytest.mark.parametrize(("coverage", "cells"), [(0.95, 19), (0.9, 9), (0.99, 99), (0.5, 1), (0.975, 39)])
def test_needed_cells(coverage, cells):
    assert needed(coverage) == cells
    worst = Calibration(np.zeros(cells, int), np.arange(cells, dtype=float)).p_values(np.array([[1e9]]), coverage)
    assert not possible(worst, coverage).any()  # 19 cells are just enough, whatever rounding does to 1 - 0.95
    if cells > 1:
        few = Calibration(np.zeros(cells - 1, int), np.arange(cells - 1, dtype=float))
        assert possible(few.p_values(np.array([[1e9]]), coverage), coverage).all()


@given(st.integers(20, 60), st.floats(0.5, 0.95), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_cells_drawn_alike_are_covered(n, coverage, seed):
    """Leaving each of n + 1 cells out in turn, at least the stated share is covered: exactly, not roughly."""
    scores = np.random.default_rng(seed).normal(size=n + 1)
    inside = [
        possible(Calibration(np.zeros(n, int), np.delete(scores, i)).p_values(scores[[i], None], coverage), coverage)
        for i in range(n + 1)
    ]
    assert np.mean(inside) >= coverage - 1e-9


def test_distances_are_those_of_the_plain_formula():
    z, codes, _ = blobs()
    near = NearestCells.of(z, codes, 0)
    assert near.basis.shape == (60, 20)  # a tenth of the cells
    new, _, _ = blobs(50, seed=1)
    x, y = (new - near.center) @ near.basis, (z - near.center) @ near.basis
    every = np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))  # (new cells, cells)
    expected = np.stack([np.sort(every[:, codes == t], axis=1)[:, :5].mean(1) for t in range(3)], axis=1)
    np.testing.assert_allclose(near.distances(new, 3), expected, rtol=1e-4)
    np.testing.assert_allclose(near.basis.T @ near.basis, np.eye(20), atol=1e-5)


def test_the_misfit_of_a_cell_is_measured_without_it():
    z, codes, logits = blobs(400)
    codes[codes == 2] = np.r_[np.full(30, 2), np.zeros((codes == 2).sum() - 30, int)]  # few of these are held out
    rows = np.arange(0, 400, 5)  # a fifth: one fold
    conformal = Conformal.of(z, codes, 3, [(rows, logits[rows])], 0)
    rest = np.setdiff1d(np.arange(400), rows)
    d = NearestCells.of(z[rest], codes[rest], 0).distances(z[rows], 3)
    own = codes[rows]
    assert [n >= 19 for n in np.bincount(own)] == [True, True, False]
    every = np.median(d[np.arange(80), own])
    median = [np.median(d[own == 0, 0]), np.median(d[own == 1, 1]), every]
    np.testing.assert_allclose(conformal.typical, median)
    expected = np.log(d / median) - 0.3 * log_softmax(logits[rows], axis=1)
    np.testing.assert_array_equal(conformal.others.codes, own)
    np.testing.assert_allclose(conformal.others.scores, expected[np.arange(80), own])
    assert sorted(np.concatenate(_folds(np.arange(200), 200, 0))) == list(range(200))
    assert [len(f) for f in _folds(np.arange(200), 200, 0)] == [40] * 5


def test_a_cloud_that_was_not_learned_is_found_and_the_others_are_covered():
    z, codes, logits = blobs(600)
    held_out = np.arange(0, 600, 2)
    conformal = Conformal.of(z, codes, 3, [(held_out, logits[held_out])], 0)
    new_z, new_codes, new_logits = blobs(600, seed=1)
    p = conformal.p_values(new_z, new_logits, np.zeros(600, bool), 0.9)
    covered = possible(p, 0.9)[np.arange(600), new_codes]
    assert 0.87 < covered.mean() < 0.97  # a little more than stated: calibrating folds have fewer cells to be near to
    other = new_z.copy()
    other[:, 10] += 30
    assert not possible(conformal.p_values(other, new_logits, np.zeros(600, bool), 0.9), 0.9).any()


def test_types_with_one_cell_or_none_can_be_calibrated():
    z, codes, logits = blobs(80)
    codes = np.where(codes == 2, 0, codes)
    codes[0] = 2
    conformal = Conformal.of(z, codes, 4, [(np.arange(80), np.c_[logits, np.full(80, -1e4)])], 0)
    assert (conformal.typical > 0).all()
    p = conformal.p_values(z, np.c_[logits, np.full(80, -1e4)], np.zeros(80, bool), 0.9)
    assert np.isfinite(p).all()
    assert not possible(p[:, 3], 0.9).any()


def test_at_most_a_thousand_cells_of_a_type_are_kept():
    z, codes, _ = blobs(2300, d=4)
    codes = (codes > 1).astype(int)
    near = NearestCells.of(z, codes, 2)
    assert np.bincount(near.codes).tolist() == [1000, min(1000, int(codes.sum()))]


def test_it_goes_to_a_file_and_back_with_and_without_own_cells():
    z, codes, logits = blobs()
    rows = np.arange(60)
    for parts in ([(rows, logits[rows])], [(rows, logits[rows]), (rows, 2 * logits[rows])]):
        conformal = Conformal.of(z, codes, 3, parts, 0)
        state = {**conformal.to_state(), "other": torch.zeros(1)}
        back = Conformal.from_state(state)
        assert list(state) == ["other"]
        assert (back.own is None) == (len(parts) == 1)
        known = np.arange(200) % 2 == 0
        np.testing.assert_array_equal(back.p_values(z, logits, known, 0.9), conformal.p_values(z, logits, known, 0.9))
    assert Conformal.from_state({"other": torch.zeros(1)}) is None


def test_too_few_calibration_cells_are_refused():
    z, codes, logits = blobs(40)
    conformal = Conformal.of(z, codes, 3, [(np.arange(18), logits[:18])], 0)
    conformal.check(0.9)
    with pytest.raises(ValueError, match=r"coverage=0.95 needs at least 19 labelled cells .* there are 18"):
        conformal.check(0.95)

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from scellm.bm.drug import drug_metrics


def tables(seed=0, gaps=0.1, n=40, m=30):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=m) * 2 + rng.normal(size=(n, 1)) + rng.normal(size=(n, m))
    truth[rng.random((n, m)) < gaps] = np.nan
    return truth, np.nanmean(truth, 0), rng


def test_each_score_is_its_formula():
    truth, mean, rng = tables(gaps=0)
    p = truth + rng.normal(size=truth.shape)
    found = drug_metrics(truth, p, mean)
    assert found["pearson"] == pytest.approx(pearsonr(truth.ravel(), p.ravel())[0])
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((truth - p) ** 2)))
    assert found["r2"] == pytest.approx(1 - np.sum((truth - p) ** 2) / np.sum((truth - truth.mean()) ** 2))
    assert found["per_drug"] == pytest.approx(np.median([pearsonr(truth[:, j], p[:, j])[0] for j in range(30)]))
    assert found["per_line"] == pytest.approx(np.median([pearsonr(truth[i] - mean, p[i] - mean)[0] for i in range(40)]))
    assert found["residual"] == pytest.approx(pearsonr((truth - mean).ravel(), (p - mean).ravel())[0])
    centred = [x - x.mean(0) - x.mean(1, keepdims=True) + x.mean() for x in (truth, p)]
    assert found["interaction"] == pytest.approx(pearsonr(centred[0].ravel(), centred[1].ravel())[0])
    best = lambda x: [set(np.argsort(row)[:5]) for row in x - mean]
    hits = np.mean([len(a & b) / 5 for a, b in zip(best(truth), best(p), strict=True)])
    assert found["hit5"] == pytest.approx(hits)
    assert found["hit5_chance"] == pytest.approx(5 / 30)


@given(st.floats(-50, 50), st.integers(0, 50))
def test_a_constant_scores_zero(value, seed):
    truth, mean, _ = tables(seed)
    found = drug_metrics(truth, np.full_like(truth, value), mean, tissue_mean=np.broadcast_to(mean, truth.shape))
    for name in ("pearson", "per_drug", "interaction", "beyond_tissue"):
        assert found[name] == 0


def test_rounding_is_no_hit():
    truth, mean, rng = tables()
    almost = mean * (1 + 1e-15 * rng.integers(-3, 3, truth.shape))
    found = drug_metrics(truth, almost, mean)
    assert found["hit5"] == pytest.approx(found["hit5_chance"])
    assert found["per_line"] == found["residual"] == found["interaction"] == 0


def test_data_frames_are_aligned_by_name():
    truth, mean, rng = tables()
    frame = pd.DataFrame(truth, columns=[f"d{i}" for i in range(30)])
    p = frame + rng.normal(size=truth.shape)
    assert drug_metrics(frame, p.iloc[:, ::-1], mean) == drug_metrics(frame, p, mean)


@given(st.integers(0, 100), st.floats(0.1, 30))
def test_one_number_a_line_cannot_game_the_last_four(seed, size):
    truth, mean, rng = tables(seed)
    tissue = mean + rng.normal(size=(4, 30))[np.arange(40) % 4]
    p = mean + size * np.nanmean(truth - mean, 1, keepdims=True)
    found = drug_metrics(truth, p, mean, tissue_mean=tissue)
    assert found["per_drug"] > 0.2  # which is why it is not the headline
    assert found["interaction"] == found["per_line"] == found["beyond_tissue"] == 0
    assert found["hit5"] == pytest.approx(found["hit5_chance"])


def test_the_tissue_mean_itself_is_nothing_beyond_tissue():
    truth, mean, rng = tables()
    tissue = mean + rng.normal(size=(4, 30))[np.arange(40) % 4]
    assert drug_metrics(truth, tissue, mean, tissue_mean=tissue)["beyond_tissue"] == 0


def test_the_truth_is_perfect_and_its_negative_the_opposite():
    truth, mean, _ = tables()
    found = drug_metrics(truth, truth, mean)
    for name in ("pearson", "per_drug", "residual", "interaction", "per_line", "hit5"):
        assert found[name] == pytest.approx(1)
    assert drug_metrics(truth, 2 * mean - truth, mean)["per_line"] == pytest.approx(-1)


def test_too_few_values_are_nan_and_not_zero():
    truth, mean, rng = tables(n=5, m=8, gaps=0)
    found = drug_metrics(truth, truth + rng.normal(size=truth.shape), mean)
    assert np.isnan(found["per_drug"])
    assert np.isnan(found["per_line"])
    assert np.isnan(found["hit5"])


def test_one_score_alone_is_the_same():
    truth, mean, rng = tables()
    p = truth + rng.normal(size=truth.shape)
    found = drug_metrics(truth, p, mean)
    assert all(drug_metrics(truth, p, mean, only=[name]) == {name: value} for name, value in found.items())
    with pytest.raises(ValueError, match="only="):
        drug_metrics(truth, p, mean, only=["beyond_tissue"])


def test_bad_tables():
    truth, mean, _ = tables()
    with pytest.raises(ValueError, match="do not fit"):
        drug_metrics(truth, truth[:, 1:], mean)
    with pytest.raises(ValueError, match="nothing to score"):
        drug_metrics(np.full_like(truth, np.nan), truth, mean)

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from scellm.train._solve_head import STRENGTHS, HeadSolver


def data(n=90, d=12, types=3, seed=0):
    """Cells of a few types around their centres, in features that vary very differently."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % types
    x = rng.normal(size=(types, d))[codes] + rng.normal(size=(n, d))
    return (x * rng.uniform(0.1, 10, d) + 5).astype(np.float32), codes


@pytest.mark.parametrize(("n", "d"), [(90, 12), (30, 200)], ids=["tall", "wide"])
def test_it_is_the_regression_of_scikit_learn(n, d):
    """Oracle: the plain call, on features centred and divided by one number, in double precision."""
    x, codes = data(n, d)
    head = HeadSolver(x, codes, 3, strength=0.5).solve([slice(None)])
    scaled = (x - x.mean(0, dtype=float)) / np.sqrt(x.var(0, dtype=float).mean())
    oracle = LogisticRegression(C=0.5, max_iter=5000, tol=1e-8).fit(scaled, codes).predict_proba(scaled)
    ours = softmax(head(x.astype(float)) * head.temperature, axis=1)
    np.testing.assert_allclose(ours, oracle, atol=1e-3)


def test_two_types_and_a_type_without_cells():
    x, codes = data(types=2)
    head = HeadSolver(x, codes * 2, 3, strength=1.0).solve([slice(None)])  # the type in the middle has no cell
    p = softmax(head(x.astype(float)), axis=1)
    assert (p[:, 1] < 1e-6).all()
    assert (p.argmax(1) == codes * 2).mean() > 0.9


def test_weights_of_types_find_the_rare_one():
    x, _ = data(400, 6)
    codes = (np.random.default_rng(1).random(400) < 0.05).astype(int)
    x[codes == 1] += 2
    balanced = HeadSolver(x, codes, 2, strength=1.0, weights=np.array([1.0, 19.0])).solve([slice(None)])
    equal = HeadSolver(x, codes, 2, strength=1.0).solve([slice(None)])
    found = lambda head: int((head(x.astype(float)).argmax(1) == 1).sum())
    assert found(balanced) > found(equal)


def test_temperature_and_scores_are_of_cells_left_out():
    x, codes = data(300, 200, seed=3)
    codes = np.random.default_rng(0).permutation(codes)  # labels that nothing predicts
    head = HeadSolver(x, codes, 3).solve([slice(None)])
    assert abs(head.scores["accuracy"] - 1 / 3) < 0.12
    assert head.temperature > 3  # so that the probabilities claim nothing
    assert softmax(head(x.astype(float)), axis=1).max(1).mean() < 0.75
    assert head.how == "5-fold cross-validation"


def test_held_out_cells_are_never_learned_from():
    x, codes = data(120)
    held_out = np.arange(0, 120, 4)
    one = HeadSolver(x, codes, 3, held_out=held_out, strength=1.0).solve([slice(None)])
    other = codes.copy()
    other[held_out] = (other[held_out] + 1) % 3
    two = HeadSolver(x, other, 3, held_out=held_out, strength=1.0).solve([slice(None)])
    np.testing.assert_allclose(one.weight * one.temperature, two.weight * two.temperature)
    assert one.scores["accuracy"] > two.scores["accuracy"]


def test_the_mixture_that_validates_best_is_taken():
    x, codes = data(150, 10, seed=5)
    noise = np.random.default_rng(0).normal(size=(150, 10)).astype(np.float32) * 30
    both = np.hstack([x, noise])
    parts = [slice(0, 10), slice(10, 20)]
    head = HeadSolver(both, codes, 3, strength=1.0).solve(parts, [(1,), (0,)])
    assert (head.weight[:, 10:] == 0).all()
    alone = HeadSolver(x, codes, 3, strength=1.0).solve([slice(None)])
    np.testing.assert_allclose(head.weight[:, :10], alone.weight, rtol=1e-4, atol=1e-5)


def test_the_mean_of_logits_is_one_head():
    x, codes = data(60, 8)
    parts = [slice(0, 4), slice(4, 8)]
    mean = HeadSolver(x, codes, 3, strength=1.0).solve(parts, [(0, 1)])
    first, second = (HeadSolver(x[:, p], codes, 3, strength=1.0).solve([slice(None)]) for p in parts)
    logits = (
        first(x[:, parts[0]].astype(float)) * first.temperature
        + second(x[:, parts[1]].astype(float)) * second.temperature
    ) / 2
    np.testing.assert_allclose(mean(x.astype(float)) * mean.temperature, logits, rtol=1e-5, atol=1e-5)


def test_few_cells_and_strengths():
    x, codes = data(4, types=4)
    head = HeadSolver(x, codes, 4).solve([slice(None)])  # one cell a type: nothing can be left out
    assert head.scores == {}
    assert head.temperature == 1
    assert HeadSolver(*data(250), 3).strength in STRENGTHS
    assert HeadSolver(*data(100), 3).strength == 1.0


def test_many_cells_leave_out_a_tenth():
    x, codes = data(2100, 6)
    assert HeadSolver(x, codes, 3, strength=1.0).solve([slice(None)]).how == "a held-out tenth"

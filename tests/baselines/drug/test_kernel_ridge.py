import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from scellm.baselines.drug._kernel_ridge import PENALTIES, Kernel, solve


@pytest.mark.parametrize("kind", ["rbf", "linear"])
def test_it_is_ridge_with_the_best_leave_one_out_penalty(kind):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 8)), rng.normal(size=(30, 3))
    y += x[:, :3] * 2
    kernel = Kernel.of(x, kind)
    gram = kernel(x)
    losses = []
    for penalty in PENALTIES:
        left = [
            y[i]
            - KernelRidge(alpha=penalty, kernel="precomputed").fit(gram[np.ix_(k, k)], y[k]).predict(gram[[i]][:, k])
            for i in range(30)
            for k in [np.delete(np.arange(30), i)]
        ]
        losses.append(np.mean(np.square(left)))
    best = PENALTIES[int(np.argmin(losses))]
    want = KernelRidge(alpha=best, kernel="precomputed").fit(gram, y).dual_coef_
    np.testing.assert_allclose(solve(gram, y), want, atol=1e-8)


def test_the_width_is_the_median_distance():
    x = np.random.default_rng(1).normal(size=(20, 5)) * [1, 2, 3, 4, 5]
    kernel = Kernel.of(x)
    z = (x - x.mean(0)) / (x.std(0) + 1e-6)
    distances = ((z[:, None] - z[None]) ** 2).mean(2)
    width = np.median(distances[distances > 1e-9])
    np.testing.assert_allclose(kernel(x), rbf_kernel(z, gamma=1 / (5 * width)), atol=1e-9)
    with pytest.raises(ValueError, match="kernel='x'"):
        Kernel.of(x, "x")

import numpy as np

from scellm._random import draw_key, uniform


def test_uniform_depends_on_its_key_alone():
    cell, gene = np.repeat(np.arange(200), 50), np.tile(np.arange(50), 200)
    u = uniform(draw_key(0, 1, 0), cell, gene)
    order = np.random.default_rng(0).permutation(len(cell))
    assert np.array_equal(uniform(draw_key(0, 1, 0), cell[order], gene[order]), u[order])
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 0.01
    assert abs(np.histogram(u, 10, (0, 1))[0] - 1000).max() < 150
    for other in (draw_key(1, 1, 0), draw_key(0, 2, 0), draw_key(0, 1, 1)):
        assert abs(np.corrcoef(u, uniform(other, cell, gene))[0, 1]) < 0.03
    grid = u.reshape(200, 50)
    assert np.abs(np.corrcoef(grid.T) - np.eye(50)).max() < 0.35

import numpy as np
import torch

from scellm._random import draw_key, seeded, uniform


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


def test_seeded_draws_the_same_numbers_however_it_is_used_and_moves_no_stream():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    draws = []
    for devices in (None, []):
        with seeded(3, devices):
            draws.append(torch.rand(4))
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], torch.rand(4, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(torch.get_rng_state(), before)
    with seeded():
        going_on = torch.rand(4)
    assert torch.equal(going_on, torch.rand(4))


def test_the_gpu_of_a_mac_is_seeded(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "manual_seed", seeds.append)
    for devices in (None, []):
        with seeded(7, devices):
            pass
    assert seeds == [7, 7]

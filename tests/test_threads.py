import torch

from scellm import _threads


def test_fewer_threads_on_a_busy_machine_and_put_back(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    monkeypatch.setattr(_threads.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(_threads.os, "getloadavg", lambda: (7.6, 0, 0), raising=False)
    torch.set_num_threads(4)
    try:
        with _threads.calm_threads():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 4
        monkeypatch.setattr(_threads.os, "getloadavg", lambda: (1.0, 0, 0), raising=False)
        with _threads.calm_threads():
            assert torch.get_num_threads() == 4
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
        monkeypatch.setattr(_threads.os, "getloadavg", lambda: (9.0, 0, 0), raising=False)
        with _threads.calm_threads():
            assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_free_cores(monkeypatch):
    monkeypatch.setattr(_threads.os, "cpu_count", lambda: 4)
    for load, free in ((0.0, 4), (1.2, 4), (3.0, 2), (20.0, 1)):
        monkeypatch.setattr(_threads.os, "getloadavg", lambda load=load: (load, 0, 0), raising=False)
        assert _threads.free_cores() == free

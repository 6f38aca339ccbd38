import signal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scellm.train._gradient_cache import Chunk
from scellm.train._processes import Processes, owners

# What needs more than one process is in tests/integration/test_many_processes.py.


def chunks(sizes):
    return [Chunk(0, torch.zeros(1, dtype=torch.long), 0, n, contrastive=True) for n in sizes]


@given(st.lists(st.integers(1, 9000), max_size=40), st.integers(1, 9))
def test_chunks_are_dealt_out_evenly(sizes, n):
    found = owners(sizes, n)
    assert all(0 <= owner < n for owner in found)
    load = np.bincount(found, weights=sizes, minlength=n) if sizes else np.zeros(n)
    assert load.max() - load.min() <= max(sizes, default=0)


def test_what_a_launcher_says(monkeypatch):
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert Processes.launched() == Processes(0, 1)
    monkeypatch.setenv("LOCAL_RANK", "1")  # a stray variable alone says nothing
    assert Processes.launched() == Processes(0, 1)
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert Processes.launched() == Processes(1, 4)
    monkeypatch.setenv("RANK", "3")
    assert Processes.launched() == Processes(3, 4)


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ({"seed": 1, "steps": 9}, r"seed: 0, 1\).*scvi\.settings\.seed"),
        ({"seed": 0, "steps": 9, "step": 4}, r"step: None, 4\).*same checkpoint"),
        ({"seed": 0, "steps": 9, "weights": 4}, r"weights: None, 4\).*same checkpoint"),
        ({"seed": 0, "steps": 9, "first cells": 4}, r"first cells: None, 4\).*same file.*distributed_sampler"),
        ({"seed": 0}, r"steps: 9, None"),
        ({"seed": 0, "steps": 9}, None),
    ],
)
def test_processes_must_agree(monkeypatch, theirs, message):
    def gather(found, mine):
        found[:] = [mine, theirs]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    if message is None:
        Processes(0, 2).require_same({"seed": 0, "steps": 9})
        return
    with pytest.raises(ValueError, match=message):
        Processes(0, 2).require_same({"seed": 0, "steps": 9})


def test_processes_that_resume_must_have_the_same_weights(monkeypatch):
    mine, theirs = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    found = {}
    monkeypatch.setattr(Processes, "require_same", lambda _, given: found.update(given))
    Processes(0, 2).require_same_weights(mine)
    own = found["weights"]
    Processes(0, 2).require_same_weights(theirs)
    assert found["weights"] != own
    theirs.load_state_dict(mine.state_dict())
    Processes(0, 2).require_same_weights(theirs)
    assert found["weights"] == own
    Processes(0, 2).require_same_weights(mine.bfloat16())
    assert found["weights"] != own


def test_one_process_exchanges_nothing():
    here = Processes()
    assert here.share(chunks([1, 2]), torch.zeros(0, 4)) is None
    p = torch.nn.Parameter(torch.ones(2))
    assert here.sum_gradients([p], {"loss": 2.0}) == {"loss": 2.0}
    assert p.grad is None
    here.require_same({"seed": 0})
    before = signal.getsignal(signal.SIGTERM)
    here.stop_on_sigterm()
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_first_writes_and_the_others_say_so(caplog):
    assert not Processes(0, 2).leaves_writing("save")
    assert not caplog.text
    assert Processes(1, 2).leaves_writing("save")
    assert "left to the first of 2 processes" in caplog.text


@pytest.fixture
def exchange(monkeypatch):
    """Two processes in one: the other one's part of each exchange is given."""
    theirs = []
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda x: x.add_(theirs.pop(0)))
    return theirs


def test_gradients_and_numbers_are_summed_in_one_exchange(exchange):
    mine, none, both = (torch.nn.Parameter(torch.zeros(n)) for n in (2, 3, 1))
    mine.grad, both.grad = torch.tensor([1.0, 2.0]), torch.tensor([5.0])
    exchange.append(torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 1.0, 0.25]))
    found = Processes(0, 2).sum_gradients([mine, none, both], {"masked": 0.5})
    assert found == {"masked": 0.75}
    assert mine.grad.tolist() == [1.0, 2.0]
    assert none.grad is None  # no process has one: an optimiser must not decay its weights
    assert both.grad.tolist() == [12.0]
    assert not exchange


def test_the_share_of_a_process():
    two = [Processes(rank, 2).share(chunks([5, 9, 4]), torch.zeros(0, 4)) for rank in range(2)]
    assert two[0].mine | two[1].mine == {0, 1, 2}
    assert not two[0].mine & two[1].mine
    assert two[0].mine == {1}

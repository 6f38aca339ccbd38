import logging

import numpy as np
import pandas as pd
import pytest
import torch

import scellm
from scellm.train.graphmae import BACKENDS, train
from scellm.train.graphmae._backend import load_backend


@pytest.fixture(params=list(BACKENDS))
def backend(request):
    try:
        load_backend(request.param)
    except ImportError:
        pytest.skip(f"the library behind backend={request.param!r} is not installed")
    return request.param


pyg = pytest.mark.skipif(
    "not __import__('importlib').util.find_spec('torch_geometric')",
    reason="torch_geometric is not installed: pip install 'scellm[graph]'",
)


SMALL = {"dim": 16, "heads": 2, "n_features": 8, "max_epochs": 30, "progress_bar": False}


def test_vectors_are_aligned_to_the_vocabulary(table, symbols, backend):
    vectors = train(table, backend=backend, **SMALL)
    assert vectors.shape == (len(symbols), 16)
    assert vectors.index.equals(symbols)
    assert (vectors.dtypes == "float32").all()
    there = vectors.notna().all(axis=1).to_numpy()
    np.testing.assert_array_equal(np.flatnonzero(there), np.arange(100, 160))
    assert vectors[~there].isna().all(axis=None), "genes that the network lacks are NaN"


def test_the_loss_falls_and_groups_come_together(network, backend):
    vectors = train(network, backend=backend, **{**SMALL, "max_epochs": 100, "lr": 1e-2})
    history = vectors.attrs["graphmae"]["history"]
    assert np.mean(history["train_loss"][-10:]) < 0.8 * np.mean(history["train_loss"][:3])
    v = vectors.loc[network.symbols].to_numpy()
    v = v - v.mean(0)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    same = np.equal.outer(np.arange(60) // 20, np.arange(60) // 20)
    assert (v @ v.T)[same].mean() > (v @ v.T)[~same].mean() + 0.3


def test_the_same_seed_gives_the_same_vectors_and_keeps_the_random_state_of_torch(network, backend):
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = train(network, backend=backend, seed=1, edge_drop=0.2, **SMALL)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(6)
    pd.testing.assert_frame_equal(first, train(network, backend=backend, seed=1, edge_drop=0.2, **SMALL))
    assert not first.equals(train(network, backend=backend, seed=2, edge_drop=0.2, **SMALL))


@pyg
def test_the_seed_is_that_of_the_settings(network):
    scellm.settings.seed = 7
    pd.testing.assert_frame_equal(train(network, **SMALL), train(network, seed=7, **SMALL))


@pyg
def test_it_stops_on_held_out_genes_and_keeps_the_best(network):
    vectors = train(network, **{**SMALL, "max_epochs": 3000, "lr": 0.05, "validate_every": 2, "patience": 3})
    history = vectors.attrs["graphmae"]["history"]
    told = {int(e): v for e, v in history["validation_loss"].items()}
    assert len(history["train_loss"]) < 3000
    assert history["best_epoch"] == min(told, key=told.get)
    assert len(history["train_loss"]) - history["best_epoch"] == 6
    never = train(network, **{**SMALL, "validation_size": 0.0})
    assert never.attrs["graphmae"]["history"]["validation_loss"] == {}


@pyg
def test_what_was_done_is_recorded_in_plain_numbers(network):
    import json

    card = json.loads(json.dumps(train(network, seed=4, **SMALL).attrs["graphmae"]))
    assert card["config"]["dim"] == 16
    assert card["seed"] == 4


@pyg
def test_a_loss_that_is_not_finite_stops_with_a_reason(network):
    with pytest.raises(FloatingPointError, match="Lower lr"):
        train(network, **{**SMALL, "lr": 1e30})


@pyg
def test_it_logs_the_network_and_the_epochs(network, table, caplog):
    scellm.settings.verbosity = logging.INFO
    logging.getLogger("scellm").propagate = True
    try:
        with caplog.at_level(logging.INFO, logger="scellm"):
            train(table, **SMALL)
    finally:
        logging.getLogger("scellm").propagate = False
    assert "60 genes" in caplog.text
    assert "30 epochs" in caplog.text or "epochs" in caplog.text


@pyg
def test_held_out_genes_are_never_masked_in_training(network, monkeypatch):
    from scellm.train.graphmae import _train

    drawn, held_out = [], []
    real_draw, real_validate = _train.draw_masking, _train._Trainer.validate
    monkeypatch.setattr(_train, "draw_masking", lambda *a: (drawn.append(real_draw(*a)), drawn[-1])[1])
    monkeypatch.setattr(_train._Trainer, "validate", lambda run: (held_out.append(run.held_out), real_validate(run))[1])
    train(network, features="svd", **SMALL)
    hidden = torch.cat([m.rows for m in drawn]).unique().tolist()
    assert set(hidden).isdisjoint(held_out[0].tolist())
    assert len(hidden) + len(held_out[0]) == 60

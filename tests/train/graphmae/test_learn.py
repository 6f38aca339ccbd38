"""From a network to vectors: what is learned, what stays the same, what is refused."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch

import scellm
from scellm.train.graphmae import BACKENDS, GraphMAERecipe, learn, spectral_features
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
    vectors = learn(table, backend=backend, **SMALL)
    assert vectors.shape == (len(symbols), 16)
    assert vectors.index.equals(symbols)
    assert (vectors.dtypes == "float32").all()
    there = vectors.notna().all(axis=1).to_numpy()
    np.testing.assert_array_equal(np.flatnonzero(there), np.arange(100, 160))
    assert vectors[~there].isna().all(axis=None), (
        "a gene that the network lacks is NaN, never a number that means nothing"
    )


def test_the_loss_falls_and_groups_come_together(network, backend):
    vectors = learn(network, backend=backend, **{**SMALL, "max_epochs": 100, "lr": 1e-2})
    history = vectors.attrs["graphmae"]["history"]
    assert np.mean(history["train_loss"][-10:]) < 0.8 * np.mean(history["train_loss"][:3])
    v = vectors.loc[network.symbols].to_numpy()
    v = v - v.mean(0)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    same = np.equal.outer(np.arange(60) // 20, np.arange(60) // 20)
    assert (v @ v.T)[same].mean() > (v @ v.T)[~same].mean() + 0.3


def test_the_same_seed_gives_the_same_vectors_and_leaves_torchs_alone(network, backend):
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = learn(network, backend=backend, seed=1, edge_drop=0.2, **SMALL)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(6)
    pd.testing.assert_frame_equal(first, learn(network, backend=backend, seed=1, edge_drop=0.2, **SMALL))
    assert not first.equals(learn(network, backend=backend, seed=2, edge_drop=0.2, **SMALL))


@pyg
def test_the_seed_is_that_of_the_settings(network):
    scellm.settings.seed = 7
    pd.testing.assert_frame_equal(learn(network, **SMALL), learn(network, seed=7, **SMALL))


@pyg
@pytest.mark.parametrize("features", ["svd", "identity"])
def test_features_by_name(network, features):
    assert np.isfinite(learn(network, features=features, **SMALL).loc[network.symbols].to_numpy()).all()


@pyg
def test_features_of_the_user(network, symbols):
    rng = np.random.default_rng(0)
    given = pd.DataFrame(rng.normal(size=(60, 4)), index=symbols[100:160][::-1])
    learned = learn(network, features=given, **SMALL)
    shuffled = learn(network, features=given.sample(frac=1, random_state=0), **SMALL)
    np.testing.assert_allclose(learned.loc[network.symbols], shuffled.loc[network.symbols], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="has no row for 2 genes of the network"):
        learn(network, features=given.iloc[2:], **SMALL)
    with pytest.raises(ValueError, match="missing or infinite"):
        learn(network, features=given.replace(given.iloc[0, 0], np.nan), **SMALL)
    with pytest.raises(ValueError, match="features='onehot' is not known"):
        learn(network, features="onehot", **SMALL)


@pyg
def test_it_stops_on_genes_kept_aside_and_keeps_the_best(network):
    vectors = learn(network, **{**SMALL, "max_epochs": 3000, "lr": 0.05, "validate_every": 2, "patience": 3})
    history = vectors.attrs["graphmae"]["history"]
    told = {int(e): v for e, v in history["validation_loss"].items()}
    assert len(history["train_loss"]) < 3000
    assert history["best_epoch"] == min(told, key=told.get)
    assert len(history["train_loss"]) - history["best_epoch"] == 6
    never = learn(network, **{**SMALL, "validation_size": 0.0})
    assert never.attrs["graphmae"]["history"]["validation_loss"] == {}


@pyg
def test_what_was_done_is_recorded_in_plain_numbers(network):
    import json

    card = json.loads(json.dumps(learn(network, seed=4, **SMALL).attrs["graphmae"]))
    assert card["recipe"]["dim"] == 16
    assert card["seed"] == 4


@pyg
def test_bad_options(network):
    with pytest.raises(TypeError, match=r"takes no \['epochs'\]; its options are"):
        learn(network, epochs=3)
    for bad in (
        {"dim": 10},
        {"mask_rate": 0.0},
        {"mask_rate": 1.0},
        {"gamma": 0.5},
        {"dim": 0},
        {"replace_rate": 1.0},
        {"lr": 0.0},
    ):
        with pytest.raises(ValueError, match="must be"):
            GraphMAERecipe(**bad)


@pyg
def test_a_loss_that_is_not_finite_stops_with_a_reason(network):
    with pytest.raises(FloatingPointError, match="Lower lr"):
        learn(network, **{**SMALL, "lr": 1e30})


@pyg
def test_it_says_what_it_read(network, table, caplog):
    scellm.settings.verbosity = logging.INFO
    logging.getLogger("scellm").propagate = True
    try:
        with caplog.at_level(logging.INFO, logger="scellm"):
            learn(table, **SMALL)
    finally:
        logging.getLogger("scellm").propagate = False
    assert "60 genes" in caplog.text
    assert "30 epochs" in caplog.text or "epochs" in caplog.text


def test_spectral_features_against_a_dense_decomposition(network):
    found = spectral_features(network, 10)
    assert found.shape == (60, 11)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-4)
    a = network.adjacency().toarray()
    d = (a.sum(0) + 1) ** -0.5
    left, value, _ = np.linalg.svd(d[:, None] * (a + np.eye(60)) * d)
    dense = left[:, :4] * np.sqrt(value[:4])
    dense = (dense - dense.mean(0)) / dense.std(0)
    for k in range(4):
        assert abs(np.corrcoef(dense[:, k], found[:, k])[0, 1]) > 0.999
    np.testing.assert_array_equal(found, spectral_features(network, 10))


@pyg
def test_genes_kept_aside_are_never_hidden_while_learning(network, monkeypatch):
    from scellm.train.graphmae import _learn

    drawn, aside = [], []
    real_draw, real_validate = _learn.draw_masking, _learn._Run.validate
    monkeypatch.setattr(_learn, "draw_masking", lambda *a: (drawn.append(real_draw(*a)), drawn[-1])[1])
    monkeypatch.setattr(_learn._Run, "validate", lambda run: (aside.append(run.aside), real_validate(run))[1])
    learn(network, features="svd", **SMALL)
    hidden = torch.cat([m.rows for m in drawn]).unique().tolist()
    assert set(hidden).isdisjoint(aside[0].tolist())
    assert len(hidden) + len(aside[0]) == 60

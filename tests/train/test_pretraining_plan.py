import numpy as np
import pytest
import torch

from tests.conftest import QUIET, make_adata
from tests.reference.runs import OPTIONS, new, same, weights


def test_the_same_seed_gives_the_same_weights_twice():
    """Guarantee 4: the same seed gives the same weights."""
    found = []
    for seed in (0, 0, 1):
        model = new(seed=seed)
        model.pretrain(**OPTIONS)
        model.train(max_epochs=2, tune="full", **QUIET)
        found.append((weights(model), model.get_latent_representation()))
    assert same(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])
    assert not same(found[0][0], found[2][0])


@pytest.mark.parametrize("contrast", ["divide-and-conquer", "end-to-end"])
def test_cut_and_memory_change_no_weight(contrast):
    found = []
    for memory in (0, 1 << 30):
        model = new()
        model.pretrain(**OPTIONS, contrast=contrast, memory=memory, chunk_tokens=300)
        found.append(weights(model))
        assert (model.history["pretrain_replay_error"] == 0).all().item()
    assert same(*found)


def test_it_learns():
    model = new()
    model.pretrain(max_steps=30, batch_size=32, lr=3e-3, view="thin", **QUIET)
    loss = model.history["pretrain_loss"]["pretrain_loss"]
    assert loss.iloc[-5:].mean() < 0.8 * loss.iloc[:5].mean()
    assert {
        "pretrain_contrastive",
        "pretrain_masked",
        "pretrain_malignancy",
        "pretrain_gradient_norm",
        "pretrain_lr",
    } <= set(model.history)


def test_one_objective_at_a_time(model):
    for objectives, contrast in (
        (("masked",), None),
        (("malignancy",), None),
        (("contrastive",), "divide-and-conquer"),
    ):
        model.pretrain(max_steps=1, batch_size=8, objectives=objectives, contrast=contrast, **QUIET)


def test_not_finite_names_the_cause(model):
    with torch.no_grad():
        model.module.cell_encoder.encoder.norm.weight[0] = torch.nan
    before = weights(model)
    with pytest.raises(
        FloatingPointError,
        match=r"step 0: the .*contrastive.* loss is not finite; weights were already.*encoder.norm.weight",
    ):
        model.pretrain(**OPTIONS)
    assert all(torch.equal(before[k].nan_to_num(), v.nan_to_num()) for k, v in weights(model).items())


def test_empty_cells_are_no_trouble():
    adata = make_adata()
    x = adata.X.tolil()
    x[:3] = 0
    adata.X = x.tocsr()
    with pytest.warns(UserWarning, match="express no known gene"):
        model = new(adata)
    model.pretrain(**OPTIONS, view="thin")
    model.train(max_epochs=1, **QUIET)
    assert np.isfinite(model.get_latent_representation()).all()


def test_bf16(model):
    model.pretrain(**OPTIONS, precision="bf16-mixed")
    assert np.isfinite(model.get_latent_representation()).all()


def test_the_configuration_of_the_shipped_weights_can_be_resumed(tmp_path):
    """The options of `celllm-mini` and bf16: one run, and one that is stopped and resumed, are equal."""
    import lightning.pytorch as pl

    class Stop(Exception):
        pass

    class Stopper(pl.Callback):
        def on_train_batch_end(self, trainer, plan, *_):
            if plan.step == 2:
                raise Stop

    shape = {"pooling": "expression", "hashed_dim": 24, "projector": 8}
    how = {"view": "thin", "precision": "bf16-mixed", "masked_inputs": "shared", "symmetric": True}
    whole = new(**shape)
    whole.pretrain(**OPTIONS, **how)
    broken = new(**shape)
    file = tmp_path / "run.pt"
    with pytest.raises(Stop):
        broken.pretrain(**OPTIONS, **how, checkpoint=file, checkpoint_every=1, callbacks=[Stopper()])
    resumed = new(**shape)
    resumed.pretrain(**OPTIONS, **how, checkpoint=file)
    assert same(weights(whole), weights(resumed))


def test_a_bag_of_genes_model_has_no_malignancy_objective():
    model = new(depth=0, pooling="mean")
    model.pretrain(**OPTIONS)
    assert "pretrain_malignancy" not in model.history


def out_of_memory(monkeypatch, limit):
    """Make chunks of more than `limit` tokens run out of memory, as on a GPU; returns the chunks that were tried."""
    from scellm.train._batch_views import ChunkForward

    real, tried = ChunkForward.__call__, []

    def call(self, chunk):
        tried.append(chunk.n_tokens)
        if chunk.n_tokens > limit:
            raise torch.OutOfMemoryError
        return real(self, chunk)

    monkeypatch.setattr(ChunkForward, "__call__", call)
    return tried


@pytest.mark.parametrize("contrast", ["divide-and-conquer", "moco", None])
def test_out_of_memory_halves_the_chunks_and_keeps_the_gradient(monkeypatch, contrast):
    options = {**OPTIONS, "contrast": contrast, "max_steps": 3}
    whole = new(dropout=0.0)
    whole.module.double()
    whole.pretrain(**options, chunk_tokens=600)
    small = new(dropout=0.0)
    small.module.double()
    tried = out_of_memory(monkeypatch, 400)
    with pytest.warns(UserWarning, match="Step 0 ran out of memory .* with 300") as warned:
        small.pretrain(**options, chunk_tokens=600)
    assert len([w for w in warned if "ran out of memory" in str(w.message)]) == 1
    assert max(tried) > 400
    for name, value in weights(whole).items():
        torch.testing.assert_close(value, weights(small)[name], rtol=0, atol=1e-10)


def test_a_single_cell_that_does_not_fit_is_an_error(monkeypatch):
    out_of_memory(monkeypatch, 1)
    with pytest.warns(UserWarning, match="ran out of memory"), pytest.raises(torch.OutOfMemoryError):
        new().pretrain(**OPTIONS, chunk_tokens=4000)


def test_end_to_end_has_nothing_to_cut(monkeypatch):
    out_of_memory(monkeypatch, 100)
    with pytest.raises(torch.OutOfMemoryError):
        new().pretrain(**OPTIONS, contrast="end-to-end", chunk_tokens=4000)

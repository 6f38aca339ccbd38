import numpy as np
import pytest
import torch

import scellm
from tests.conftest import QUIET, SMALL, make_adata


def new(adata=None, seed=0, **options):
    adata = make_adata() if adata is None else adata
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type", origin_key="origin")
    scellm.settings.seed = seed
    return scellm.CellLM(adata, **{**SMALL, **options})


def weights(model):
    return {k: v.clone() for k, v in model.module.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)


OPTIONS = {"max_steps": 4, "batch_size": 16, "lr": 1e-3, **QUIET}


def test_the_same_seed_gives_the_same_weights_twice():
    """Guarantee 4."""
    found = []
    for seed in (0, 0, 1):
        model = new(seed=seed)
        model.pretrain(**OPTIONS)
        model.train(max_epochs=2, tune="full", **QUIET)
        found.append((weights(model), model.get_latent_representation()))
    assert same(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])
    assert not same(found[0][0], found[2][0])


@pytest.mark.parametrize("contrast", ["divide-and-conquer", "moco", None])
@pytest.mark.parametrize("stop", [1, 3])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, contrast, stop):
    common = {**OPTIONS, "contrast": contrast, "plan_kwargs": {"queue": 32, "redraw_every": 2}, "view": "thin"}
    whole = new()
    whole.pretrain(**common)

    class Stop(Exception):
        pass

    import lightning.pytorch as pl

    class Stopper(pl.Callback):
        def on_train_batch_end(self, trainer, plan, *_):
            if plan.step == stop:
                raise Stop

    file = tmp_path / "run" / "pretraining.pt"
    broken = new()
    with pytest.raises(Stop):
        broken.pretrain(**common, checkpoint=file, checkpoint_every=1, callbacks=[Stopper()])
    resumed = new()
    resumed.pretrain(**common, checkpoint=file)
    assert same(weights(whole), weights(resumed))
    assert resumed.history["pretrain_loss"].equals(whole.history["pretrain_loss"])
    done = new()
    done.pretrain(**common, checkpoint=file)  # nothing is left to do
    assert same(weights(whole), weights(done))
    with pytest.raises(ValueError, match=r"another run .*lr: 0.001 there, 0.01 here"):
        new().pretrain(**{**common, "lr": 0.01}, checkpoint=file)


def test_a_checkpoint_knows_its_cells_and_views(tmp_path):
    file = tmp_path / "a.pt"
    common = {**OPTIONS, "max_steps": 1, "checkpoint": file}
    new().pretrain(**common, view=scellm.data.identity, indices=np.arange(30))
    saved = torch.load(file, weights_only=True)["settings"]
    assert saved["views"] == ["scellm.data._views.identity"] * 2, (
        "and no address in memory, which the next process would not have"
    )
    new().pretrain(**common, view="identity", indices=np.arange(30))  # by its name it is the same view
    with pytest.raises(ValueError, match=r"another run .*cells: "):
        new().pretrain(**common, view="identity", indices=np.arange(1, 31))
    with pytest.raises(ValueError, match=r"another run .*views: .*Thin\(low=0.2"):
        new().pretrain(**common, view="thin", indices=np.arange(30))


def test_checkpoint_needs_a_seed(tmp_path, model):
    scellm.settings.seed = None
    with pytest.raises(ValueError, match=r"scvi.settings.seed"):
        model.pretrain(**OPTIONS, checkpoint=tmp_path / "a.pt")


@pytest.mark.parametrize("contrast", ["divide-and-conquer", "end-to-end"])
def test_cut_and_memory_move_no_weight(contrast):
    found = []
    for memory in (0, 1 << 30):
        model = new()
        model.pretrain(**OPTIONS, contrast=contrast, memory=memory, chunk_tokens=300)
        found.append(weights(model))
        assert (model.history["pretrain_replay_error"] == 0).all().item()
    assert same(*found)


def test_it_learns():
    model = new()
    model.pretrain(max_steps=60, batch_size=32, lr=3e-3, view="thin", **QUIET)
    loss = model.history["pretrain_loss"]["pretrain_loss"]
    assert loss.iloc[-5:].mean() < 0.8 * loss.iloc[:5].mean()
    assert {
        "pretrain_contrastive",
        "pretrain_masked",
        "pretrain_origin",
        "pretrain_gradient_norm",
        "pretrain_lr",
    } <= set(model.history)


def test_origin_is_left_out_without_its_column(adata):
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    model.pretrain(**OPTIONS)
    assert "pretrain_origin" not in model.history


def test_origin_alone_with_few_cells_that_have_one(adata):
    adata.obs["origin"] = np.where(np.arange(adata.n_obs) < 2, ["tumor", "normal"][0], "?")
    scellm.CellLM.setup_anndata(adata, origin_key="origin")
    options = {**OPTIONS, "objectives": ["origin"], "contrast": None, "batch_size": 8}
    model = scellm.CellLM(adata, **SMALL)
    model.pretrain(**options)
    assert np.isfinite(model.history["pretrain_loss"]).all().item()
    adata.obs["origin"] = "?"
    scellm.CellLM.setup_anndata(adata, origin_key="origin")
    with pytest.raises(ValueError, match="no cell is known to be tumour or normal"):
        scellm.CellLM(adata, **SMALL).pretrain(**options)


def test_a_model_without_data_says_so(adata):
    model = scellm.CellLM.without_data(**SMALL)
    model.is_trained_ = True
    for call in (model.pretrain, model.train, model.get_latent_representation):
        with pytest.raises(ValueError, match="no data of its own"):
            call()


def test_one_objective_at_a_time(model):
    for objectives, contrast in ((("masked",), None), (("origin",), None), (("contrastive",), "divide-and-conquer")):
        model.pretrain(max_steps=1, batch_size=8, objectives=objectives, contrast=contrast, **QUIET)


def test_not_finite_names_the_cause(model):
    with torch.no_grad():
        model.module.encoder.norm.weight[0] = torch.nan
    before = weights(model)
    with pytest.raises(
        FloatingPointError,
        match=r"step 0: the .*contrastive.* loss is not finite; weights were already.*encoder.norm.weight",
    ):
        model.pretrain(**OPTIONS)
    assert all(torch.equal(before[k].nan_to_num(), v.nan_to_num()) for k, v in weights(model).items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contrast": "simclr"}, "contrast='simclr' is not known"), ({"view": "blur"}, "view='blur'"), ({"batch_size": 1}, "at least two"),
        ({"max_steps": 0}, "at least one step"), ({"indices": [3]}, "at least two"),
    ],
)  # fmt: skip
def test_bad_options(model, options, message):
    with pytest.raises(ValueError, match=message):
        model.pretrain(**{**OPTIONS, **options})


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


@pytest.mark.parametrize("contrast", ["divide-and-conquer", "moco"])
@pytest.mark.parametrize("depth", [0, 2])
def test_the_way_of_the_shipped_weights(tmp_path, contrast, depth):
    """Components and a sketch to start from, a projector, any depth: pretrained, kept, taken up, trained on types."""
    model = new(pooling="expression", sketch=24, projector=8, depth=depth)
    assert not model.module.pooling.started
    model.pretrain(**OPTIONS, contrast=contrast, view="thin", plan_kwargs={"queue": 32})
    assert model.module.pooling.started
    vectors = model.get_latent_representation()
    assert vectors.shape == (60, SMALL["dim"] + 24)
    model.save_pretrained(tmp_path)
    again = scellm.CellLM.from_pretrained(tmp_path, model.adata)
    np.testing.assert_array_equal(again.get_latent_representation(), vectors)
    again.train(max_epochs=3, tune="last", **QUIET)
    assert len(again.predict()) == 60


def test_the_recipe_of_the_shipped_weights_stops_and_goes_on(tmp_path):
    """Components, projector, thinned views, shared masks, both directions, bf16: in one run, and in two."""
    import lightning.pytorch as pl

    class Stop(Exception):
        pass

    class Stopper(pl.Callback):
        def on_train_batch_end(self, trainer, plan, *_):
            if plan.step == 2:
                raise Stop

    shape = {"pooling": "expression", "sketch": 24, "projector": 8}
    how = {"view": "thin", "precision": "bf16-mixed", "plan_kwargs": {"masked_inputs": "shared", "symmetric": True}}
    whole = new(**shape)
    whole.pretrain(**OPTIONS, **how)
    broken = new(**shape)
    file = tmp_path / "run.pt"
    with pytest.raises(Stop):
        broken.pretrain(**OPTIONS, **how, checkpoint=file, checkpoint_every=1, callbacks=[Stopper()])
    resumed = new(**shape)
    resumed.pretrain(**OPTIONS, **how, checkpoint=file)
    assert same(weights(whole), weights(resumed))


def test_a_run_that_never_starts_leaves_the_model_as_it_was():
    model = new(pooling="expression", sketch=24)
    before = weights(model)
    with pytest.raises(TypeError, match="no_such_option"):
        model.pretrain(**OPTIONS, no_such_option=1)
    assert same(before, weights(model))


def test_a_bag_has_no_origin_to_tell():
    model = new(depth=0, pooling="mean")
    model.pretrain(**OPTIONS)
    assert "pretrain_origin" not in model.history


def test_half_precision_keeps_places_and_vectors(tmp_path):
    model = new(pooling="expression", sketch=24)
    model.pretrain(**OPTIONS)
    model.save_pretrained(tmp_path, dtype="float16")
    again = scellm.CellLM.from_pretrained(tmp_path)
    assert torch.equal(again.module.pooling.place, model.module.pooling.place)
    assert again.module.pooling.started
    a, b = model.get_latent_representation(), again.get_latent_representation(model.adata)
    assert np.linalg.norm(a - b, axis=1).max() < 1e-2 * np.linalg.norm(a, axis=1).min()

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import scellm
from scellm._download import sha256
from scellm.weights import fingerprint
from tests.conftest import QUIET, SMALL, make_adata
from tests.reference.runs import OPTIONS, new


def test_half_precision_keeps_indices_and_embeddings(tmp_path):
    model = new(pooling="expression", hashed_dim=24)
    model.pretrain(**OPTIONS)
    model.save_pretrained(tmp_path, dtype="float16")
    again = scellm.CellLM.from_pretrained(tmp_path)
    assert torch.equal(again.module.cell_encoder.pooling.hashed_index, model.module.cell_encoder.pooling.hashed_index)
    assert again.module.cell_encoder.pooling.initialized
    a, b = model.get_latent_representation(), again.get_latent_representation(model.adata)
    assert np.linalg.norm(a - b, axis=1).max() < 1e-2 * np.linalg.norm(a, axis=1).min()


def test_round_trip_is_exact_and_needs_no_set_up(trained, folder):
    other = make_adata(n_obs=20, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # including the one about random weights
        model = scellm.CellLM.from_pretrained(folder, other)
        vectors = model.get_latent_representation()
    np.testing.assert_array_equal(vectors, trained.get_latent_representation(other))
    for (name, a), (_, b) in zip(
        trained.module.cell_encoder.encoder.state_dict().items(),
        model.module.cell_encoder.encoder.state_dict().items(),
        strict=True,
    ):
        assert torch.equal(a, b), name
    assert model._model_summary_string.split(";")[0] == trained._model_summary_string.split(";")[0]


@pytest.mark.parametrize(
    "options",
    [
        {"gene_embeddings": "random"},
        {"gene_embeddings": "random", "gene_dim": 5},
        {"train_genes": False},
        {"attention": "softmax"},
        {"dropout": 0.2, "ff_mult": 2},
    ],
)
def test_every_shape_is_restored(prepared, tmp_path, options):
    model = scellm.CellLM(prepared, **SMALL, **options)
    model.pretrain(max_steps=1, batch_size=20, **QUIET)
    model.save_pretrained(tmp_path / "w")
    again = scellm.CellLM.from_pretrained(tmp_path / "w", prepared)
    assert again.module.config == model.module.config
    np.testing.assert_array_equal(again.get_latent_representation(), model.get_latent_representation())


def test_without_data_it_embeds_any_that_come(trained, folder):
    model = scellm.CellLM.from_pretrained(folder)
    repr(model)
    a, b = make_adata(n_obs=10, seed=3), make_adata(n_obs=7, seed=4)[:, ::-1].copy()
    np.testing.assert_array_equal(model.get_latent_representation(a), trained.get_latent_representation(a))
    np.testing.assert_array_equal(model.get_latent_representation(b), trained.get_latent_representation(b))
    assert model.get_gene_embeddings().equals(trained.get_gene_embeddings())


def test_with_labels_it_learns_them(folder):
    adata = make_adata(n_obs=60, seed=5)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM.from_pretrained(folder, adata)
    model.train(max_epochs=1, **QUIET)
    assert set(model.predict()) <= set(adata.obs["cell_type"])
    model.pretrain(max_steps=1, batch_size=20, **QUIET)


def test_the_annotation_head_is_not_saved(trained, prepared, tmp_path):
    trained.train(max_epochs=1, **QUIET)
    trained.save_pretrained(tmp_path / "w")
    assert not [k for k in load_file(tmp_path / "w/weights.safetensors") if "annotation" in k]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_half_the_size_and_nearly_the_same(trained, tmp_path, dtype):
    trained.save_pretrained(tmp_path / "full")
    trained.save_pretrained(tmp_path / "half", dtype=dtype)
    size = {n: (tmp_path / n / "weights.safetensors").stat().st_size for n in ("full", "half")}
    assert size["half"] < 0.51 * size["full"]
    exact = trained.get_latent_representation()
    found = scellm.CellLM.from_pretrained(tmp_path / "half", trained.adata).get_latent_representation()
    assert np.linalg.norm(found - exact) / np.linalg.norm(exact) < 1e-2
    assert found.dtype == np.float32
    with pytest.raises(ValueError, match="dtype='int8' is not known"):
        trained.save_pretrained(tmp_path / "x", dtype="int8")


def test_the_card_describes_the_weights(folder):
    card = json.loads((folder / "card.json").read_text())
    assert card["name"] == "tiny"
    assert card["licence"] == "CC0"
    assert card["vocabulary_sha256"] == scellm.genes.load_vocabulary().sha256
    assert card["model"]["dim"] == SMALL["dim"]
    (folder / "card.json").unlink()  # a copy for readers only
    scellm.CellLM.from_pretrained(folder / "weights.safetensors")


def test_random_weights_are_not_saved(model, tmp_path):
    with pytest.raises(ValueError, match="random weights: there is nothing to save"):
        model.save_pretrained(tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_other_bins_are_refused_before_anything_is_written(folder):
    adata = make_adata(n_obs=10)
    scellm.pp.prepare(adata, target_sum=1e6)
    before = set(adata.obs), set(adata.uns)
    with pytest.raises(
        ValueError, match=r"prepared with target_sum=1000000.0.*Run scellm.pp.prepare\(adata, target_sum=10000"
    ):
        scellm.CellLM.from_pretrained(folder, adata)
    assert (set(adata.obs), set(adata.uns)) == before


def change(folder, edit_state=None, edit_card=None):
    """Write the same file with changed contents."""
    path = folder / "weights.safetensors"
    card = json.loads((folder / "card.json").read_text())
    state = load_file(path)
    if edit_state:
        edit_state(state)
    if edit_card:
        edit_card(card)
    card["fingerprint"] = fingerprint(state)
    save_file(state, path, metadata={"card": json.dumps(card)})


def test_damaged_files(folder, tmp_path):
    with pytest.raises(ValueError, match="is not a known name, a path or a URL"):
        scellm.CellLM.from_pretrained("celllm-huge")
    with pytest.raises(FileNotFoundError, match="save_pretrained"):
        scellm.CellLM.from_pretrained(tmp_path)
    (tmp_path / "x.safetensors").write_bytes(b"not at all")
    with pytest.raises(ValueError, match="is no safetensors file"):
        scellm.CellLM.from_pretrained(tmp_path / "x.safetensors")
    save_file({"a": torch.zeros(2)}, tmp_path / "y.safetensors")
    with pytest.raises(ValueError, match="holds tensors but no card"):
        scellm.CellLM.from_pretrained(tmp_path / "y.safetensors")
    with pytest.raises(ValueError, match="it is another file"):
        scellm.CellLM.from_pretrained(folder, known_hash="0" * 64)
    scellm.CellLM.from_pretrained(folder, known_hash=sha256(folder / "weights.safetensors").upper())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda s: s.pop("cell_encoder.encoder.norm.weight"), r"missing: \['cell_encoder.encoder.norm.weight'\]"),
        (lambda s: s.update(extra=torch.zeros(1)), r"not known: \['extra'\]"),
        (
            lambda s: s.update({"cell_encoder.encoder.norm.bias": torch.zeros(3)}),
            r"of another shape: \['cell_encoder.encoder.norm.bias \(3,\), expected \(16,\)'\]",
        ),
    ],
)
def test_weights_that_do_not_fit(folder, edit, message):
    change(folder, edit)
    with pytest.raises(ValueError, match=message):
        scellm.CellLM.from_pretrained(folder)


def test_another_vocabulary(folder):
    change(folder, edit_card=lambda c: c.update(vocabulary_sha256="0", vocabulary="hgnc-2031", scellm="9.9"))
    with pytest.raises(ValueError, match=r"made for the vocabulary hgnc-2031.*install scellm 9\.9"):
        scellm.CellLM.from_pretrained(folder)

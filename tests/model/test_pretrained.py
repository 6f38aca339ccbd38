"""Weights out and in: files, folders, addresses, names; and everything that can go wrong on the way."""

import http.server
import json
import multiprocessing
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import scellm
from scellm.model import _catalogue
from scellm.model._weights import fingerprint, read_weights, sha256, write_weights
from tests.conftest import QUIET, SMALL, make_adata


@pytest.fixture
def trained(prepared):
    model = scellm.CellLM(prepared, **SMALL)
    model.pretrain(max_steps=2, batch_size=20, **QUIET)
    return model


@pytest.fixture
def folder(trained, tmp_path):
    trained.save_pretrained(tmp_path / "weights", name="tiny", licence="CC0", data=["sixty made-up cells"])
    return tmp_path / "weights"


def test_round_trip_is_exact_and_needs_no_set_up(trained, folder):
    other = make_adata(n_obs=20, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # among them "random weights"
        model = scellm.CellLM.from_pretrained(folder, other)
        vectors = model.get_latent_representation()
    np.testing.assert_array_equal(vectors, trained.get_latent_representation(other))
    for (name, a), (_, b) in zip(
        trained.module.encoder.state_dict().items(), model.module.encoder.state_dict().items(), strict=True
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
def test_every_shape_comes_back(prepared, tmp_path, options):
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


def test_the_annotation_head_stays_behind(trained, prepared, tmp_path):
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


def test_the_card_says_what_it_is(folder):
    card = json.loads((folder / "card.json").read_text())
    assert card["name"] == "tiny"
    assert card["licence"] == "CC0"
    assert card["vocabulary_sha256"] == scellm.pp.load_vocabulary().sha256
    assert card["model"]["dim"] == SMALL["dim"]
    (folder / "card.json").unlink()  # for people only
    scellm.CellLM.from_pretrained(folder / "weights.safetensors")


def test_random_weights_are_not_kept(model, tmp_path):
    with pytest.raises(ValueError, match="random weights: there is nothing to keep"):
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
    """The same file with something else in it."""
    path = folder / "weights.safetensors"
    card = json.loads((folder / "card.json").read_text())
    state = load_file(path)
    if edit_state:
        edit_state(state)
    if edit_card:
        edit_card(card)
    save_file(state, path, metadata={"card": json.dumps(card)})


def test_damaged_files(folder, tmp_path):
    with pytest.raises(ValueError, match="no name of weights, no path and no address"):
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
        (lambda s: s.pop("encoder.norm.weight"), r"missing: \['encoder.norm.weight'\]"),
        (lambda s: s.update(extra=torch.zeros(1)), r"not known: \['extra'\]"),
        (
            lambda s: s.update({"encoder.norm.bias": torch.zeros(3)}),
            r"of another shape: \['encoder.norm.bias \(3,\) for \(16,\)'\]",
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


class Server(http.server.ThreadingHTTPServer):
    """Serves one file, in the way that it is told to."""

    def __init__(self, body: bytes):
        self.body, self.mode, self.asked = body, "whole", []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/weights.safetensors"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        if server.mode == "404":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        self.wfile.write(server.body[: len(server.body) // 2] if server.mode == "truncated" else server.body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SCELLM_CACHE_DIR", str(tmp_path / "cache"))
    server = Server((folder / "weights.safetensors").read_bytes())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.hash = sha256(folder / "weights.safetensors")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def named(server, monkeypatch):
    entry = {
        "url": server.url,
        "sha256": server.hash,
        "size": len(server.body),
        "licence": "CC0",
        "description": "a test",
    }
    monkeypatch.setattr(_catalogue, "catalogue", lambda: {"tiny": entry})
    return "tiny"


def kept(tmp_path):
    folder = tmp_path / "cache"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_a_download_is_made_once(server, named, trained, tmp_path):
    model = scellm.CellLM.from_pretrained(named)
    scellm.CellLM.from_pretrained(named)
    assert server.asked == ["/weights.safetensors"]
    assert len(kept(tmp_path)) == 1
    adata = make_adata(n_obs=5)
    np.testing.assert_array_equal(model.get_latent_representation(adata), trained.get_latent_representation(adata))
    assert scellm.CellLM.available().loc["tiny", "licence"] == "CC0"


def test_an_address_without_a_hash_says_so(server, caplog):
    import logging

    logging.getLogger("scellm").propagate = True
    try:
        scellm.CellLM.from_pretrained(server.url)
    finally:
        logging.getLogger("scellm").propagate = False
    assert server.hash in caplog.text
    scellm.CellLM.from_pretrained(server.url, known_hash=server.hash)


def test_a_wrong_hash_is_refused_and_the_file_removed(server, tmp_path):
    with pytest.raises(ValueError, match="is not the file that was asked for, and was removed"):
        scellm.CellLM.from_pretrained(server.url, known_hash="0" * 64)
    assert kept(tmp_path) == []


def test_a_page_is_not_kept_as_weights(server, folder, tmp_path):
    server.body = b"<html>log in</html>"
    with pytest.raises(ValueError, match="is no file of weights, and was removed"):
        scellm.CellLM.from_pretrained(server.url)
    assert kept(tmp_path) == []
    server.body = (folder / "weights.safetensors").read_bytes()
    scellm.CellLM.from_pretrained(server.url)


def test_an_address_with_a_signature_and_any_way_to_write_a_hash(server, tmp_path):
    signed = f"{server.url}?signature={'x' * 400}"
    for known_hash in (server.hash, server.hash.upper(), f"sha256:{server.hash}"):
        scellm.CellLM.from_pretrained(signed, known_hash=known_hash)
    assert kept(tmp_path) == [f"{server.hash[:16]}-weights.safetensors"]
    assert len(server.asked) == 1
    with pytest.raises(ValueError, match="is no SHA-256"):
        scellm.CellLM.from_pretrained(signed, known_hash="md5:1234")


def test_half_a_file_is_refused(server, named, tmp_path):
    server.mode = "truncated"
    with pytest.raises((ConnectionError, ValueError), match=r"could not be had|was removed"):
        scellm.CellLM.from_pretrained(named)
    assert kept(tmp_path) == []
    server.mode = "whole"
    scellm.CellLM.from_pretrained(named)


def test_not_found(server, named, tmp_path):
    server.mode = "404"
    with pytest.raises(ConnectionError, match=r"could not be had.*404.*Without a network"):
        scellm.CellLM.from_pretrained(named)
    assert kept(tmp_path) == []


def test_server_down(server, named):
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match="pass its path to from_pretrained"):
        scellm.CellLM.from_pretrained(named)


def test_a_cache_that_cannot_be_written(server, named, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCELLM_CACHE_DIR", str(tmp_path / "file/cache"))
    with pytest.raises(PermissionError, match="Set SCELLM_CACHE_DIR to a folder that can"):
        scellm.CellLM.from_pretrained(named)


def test_a_mirror(server, named, monkeypatch):
    entry = dict(_catalogue.catalogue()[named], url="http://127.0.0.1:9/elsewhere/weights.safetensors")
    monkeypatch.setattr(_catalogue, "catalogue", lambda: {named: entry})
    monkeypatch.setenv("SCELLM_WEIGHTS_MIRROR", server.url.rsplit("/", 1)[0] + "/")
    scellm.CellLM.from_pretrained(named)


def _fetch(url, known_hash, cache, done):
    import os

    os.environ["SCELLM_CACHE_DIR"] = cache
    path = _catalogue.find_weights(url, known_hash)
    done.put(sha256(path))


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot fork on Windows")
def test_two_processes_at_once(server, tmp_path):
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    both = [
        context.Process(target=_fetch, args=(server.url, server.hash, str(tmp_path / "cache"), done)) for _ in range(2)
    ]
    for p in both:
        p.start()
    assert [done.get(timeout=60) for _ in both] == [server.hash] * 2
    for p in both:
        p.join()
    assert len(kept(tmp_path)) == 1


def test_bundled_files_are_checked_too(monkeypatch):
    with pytest.raises(ValueError, match="it is another file"):
        scellm.CellLM.from_pretrained("celllm-mini", known_hash="0" * 64)
    entry = _catalogue.catalogue()["celllm-mini"] | {"sha256": "1" * 64}
    monkeypatch.setattr(_catalogue, "catalogue", lambda: {"celllm-mini": entry})
    with pytest.raises(ValueError, match="it is another file"):
        scellm.CellLM.from_pretrained("celllm-mini")


def test_bundled_entries_are_files_of_the_package():
    for entry in _catalogue.catalogue().values():
        assert {"sha256", "size", "licence", "description"} <= set(entry)
    assert list(scellm.CellLM.available().columns) == ["where", "size_mb", "sha256", "licence", "description"]


def test_fingerprint_is_of_numbers_and_names_alone(tmp_path):
    state = {"b": torch.arange(3.0), "a": torch.tensor(1), "c": torch.zeros(0)}
    first = fingerprint(state)
    write_weights(tmp_path, state, {"note": "other card"})
    assert fingerprint(read_weights(tmp_path)[0]) == first
    for other in (
        {**state, "b": torch.arange(3.0) + 1},
        {"x": state["b"], "a": state["a"], "c": state["c"]},
        {**state, "b": state["b"].half()},
    ):
        assert fingerprint(other) != first

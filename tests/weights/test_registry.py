import http.server
import multiprocessing
import sys
import threading

import numpy as np
import pytest

import scellm
from scellm._download import sha256
from scellm.weights import _registry
from tests.conftest import make_adata


class Server(http.server.ThreadingHTTPServer):
    """Serves one file, in the way that `mode` sets."""

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
    monkeypatch.setattr(_registry, "registry", lambda: {"tiny": entry})
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


def test_a_url_without_a_hash_gives_a_warning(server, caplog):
    import logging

    logging.getLogger("scellm").propagate = True
    try:
        scellm.CellLM.from_pretrained(server.url)
    finally:
        logging.getLogger("scellm").propagate = False
    assert server.hash in caplog.text
    scellm.CellLM.from_pretrained(server.url, known_hash=server.hash)


def test_a_wrong_hash_is_refused_and_the_file_removed(server, tmp_path):
    with pytest.raises(ValueError, match="does not have the expected hash, and was removed"):
        scellm.CellLM.from_pretrained(server.url, known_hash="0" * 64)
    assert kept(tmp_path) == []


def test_a_page_is_not_kept_as_weights(server, folder, tmp_path):
    server.body = b"<html>log in</html>"
    with pytest.raises(ValueError, match="holds no weights, and was removed"):
        scellm.CellLM.from_pretrained(server.url)
    assert kept(tmp_path) == []
    server.body = (folder / "weights.safetensors").read_bytes()
    scellm.CellLM.from_pretrained(server.url)


def test_a_url_with_a_signature_and_any_notation_of_a_hash(server, tmp_path):
    signed = f"{server.url}?signature={'x' * 400}"
    for known_hash in (server.hash, server.hash.upper(), f"sha256:{server.hash}"):
        scellm.CellLM.from_pretrained(signed, known_hash=known_hash)
    assert kept(tmp_path) == [f"{server.hash[:16]}-weights.safetensors"]
    assert len(server.asked) == 1
    with pytest.raises(ValueError, match="is no SHA-256"):
        scellm.CellLM.from_pretrained(signed, known_hash="md5:1234")


def test_half_a_file_is_refused(server, named, tmp_path):
    server.mode = "truncated"
    with pytest.raises((ConnectionError, ValueError), match=r"could not be downloaded|was removed"):
        scellm.CellLM.from_pretrained(named)
    assert kept(tmp_path) == []
    server.mode = "whole"
    scellm.CellLM.from_pretrained(named)


def test_not_found(server, named, tmp_path):
    server.mode = "404"
    with pytest.raises(ConnectionError, match=r"could not be downloaded.*404.*Without a network"):
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
    with pytest.raises(PermissionError, match="Set SCELLM_CACHE_DIR to a writable folder"):
        scellm.CellLM.from_pretrained(named)


def test_a_mirror(server, named, monkeypatch):
    entry = dict(_registry.registry()[named], url="http://127.0.0.1:9/elsewhere/weights.safetensors")
    monkeypatch.setattr(_registry, "registry", lambda: {named: entry})
    monkeypatch.setenv("SCELLM_WEIGHTS_MIRROR", server.url.rsplit("/", 1)[0] + "/")
    scellm.CellLM.from_pretrained(named)


def _fetch(url, known_hash, cache, done):
    import os

    os.environ["SCELLM_CACHE_DIR"] = cache
    path = _registry.find_weights(url, known_hash)
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
    entry = _registry.registry()["celllm-mini"] | {"sha256": "1" * 64}
    monkeypatch.setattr(_registry, "registry", lambda: {"celllm-mini": entry})
    with pytest.raises(ValueError, match="it is another file"):
        scellm.CellLM.from_pretrained("celllm-mini")


def test_bundled_entries_are_files_of_the_package():
    for entry in _registry.registry().values():
        assert {"sha256", "size", "licence", "description"} <= set(entry)
    assert list(scellm.CellLM.available().columns) == [
        "where",
        "size_mb",
        "types",
        "sha256",
        "licence",
        "description",
    ]

import functools
import http.server
import threading

import pytest


@pytest.fixture
def public(tmp_path, monkeypatch):
    """A folder whose files are served under their names, as a mirror of all public files; hashes are not checked."""
    folder = tmp_path / "public"
    folder.mkdir()
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SCELLM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SCELLM_DATA_MIRROR", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.delenv("SCELLM_DATA_DIR", raising=False)
    yield folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def unhashed(monkeypatch):
    """Let the small files of a test stand for the public ones, whose hashes they do not have."""

    def change(module, *names):
        from dataclasses import replace

        for name in names:
            monkeypatch.setattr(module, name, replace(getattr(module, name), sha256=None))

    return change

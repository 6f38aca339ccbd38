"""Names and hashes; downloads themselves are tested in tests/weights/test_registry.py, against a local server."""

import hashlib

import pytest

from scellm._download import cache_folder, download, file_name, sha256


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://a.org/b/w.safetensors", "w.safetensors"),
        ("https://a.org/w.safetensors?signature=x/y", "w.safetensors"),
        ("https://a.org/", "default"),
    ],
)
def test_name_of_a_url(url, wanted):
    assert file_name(url, "default") == wanted


def test_hash_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_cache_folder_follows_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("SCELLM_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SCELLM_CACHE_DIR")
    assert "scellm" in str(cache_folder())


def test_without_a_network_the_hint_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("SCELLM_CACHE_DIR", str(tmp_path))
    with pytest.raises(
        ConnectionError, match=r"'cells' could not be downloaded.*elsewhere and put it here\. Downloads"
    ):
        download("http://127.0.0.1:9/a", None, "cells", default_name="a", hint="put it here")

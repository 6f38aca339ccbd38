import hashlib
import logging

import pytest

from scellm.datasets._files import PublicFile

CONTENT = b"cells"
HASH = hashlib.sha256(CONTENT).hexdigest()


def test_is_downloaded_once(public):
    (public / "a.txt").write_bytes(CONTENT)
    file = PublicFile("a.txt", "https://example.org/other", HASH)
    path = file.fetch()
    assert path.read_bytes() == CONTENT
    (public / "a.txt").unlink()
    assert file.fetch() == path


def test_without_a_hash_a_warning_is_logged(public, caplog):
    (public / "a.txt").write_bytes(CONTENT)
    with caplog.at_level(logging.WARNING):
        PublicFile("a.txt", "https://example.org/a").fetch()
    assert "no hash is published" in caplog.text


def test_other_contents_are_refused(public, tmp_path, monkeypatch):
    (public / "a.txt").write_bytes(b"tampered")
    file = PublicFile("a.txt", "https://example.org/a", HASH)
    with pytest.raises(ValueError, match="does not have the expected hash"):
        file.fetch()
    monkeypatch.setenv("SCELLM_DATA_DIR", str(public))
    with pytest.raises(ValueError, match=r"is not the published file.*Take it from https://example.org/a"):
        file.fetch()
    (public / "a.txt").write_bytes(CONTENT)
    assert file.fetch() == public / "a.txt"


def test_what_is_not_there(public):
    with pytest.raises(ConnectionError, match=r"HTTPError 404.*under the name a.txt, into the folder"):
        PublicFile("a.txt", "https://example.org/a", HASH).fetch()


def test_folders_and_mirrors_that_are_none(public, tmp_path, monkeypatch):
    file = PublicFile("a.txt", "https://example.org/a", HASH)
    monkeypatch.setenv("SCELLM_DATA_MIRROR", str(tmp_path))
    with pytest.raises(ValueError, match="is no address; expected https://"):
        file.fetch()
    monkeypatch.setenv("SCELLM_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(NotADirectoryError, match="nowhere' is no folder"):
        file.fetch()

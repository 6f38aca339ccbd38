import os

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from scellm import _tensors
from scellm._tensors import fingerprint, read_header, read_shapes, read_tensors, require_finite, write_tensors

STATE = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3), "c": torch.ones(2, dtype=torch.bool)}


def test_round_trip(tmp_path):
    path = write_tensors(tmp_path / "new" / "x.safetensors", STATE, {"note": "ä", "n": 0.1})
    found, header = read_tensors(path)
    assert all(torch.equal(found[k], v) for k, v in STATE.items())
    assert {k: header[k] for k in ("note", "n")} == {"note": "ä", "n": 0.1}
    assert read_header(path) == header
    assert read_shapes(path) == {"a": (2, 3), "b": (), "c": (2,)}
    assert [p.name for p in path.parent.iterdir()] == ["x.safetensors"]


def test_every_flipped_bit_is_noticed(tmp_path):
    """25 places of the file; a byte of the header may still be read, but then not silently as other numbers."""
    path = write_tensors(tmp_path / "x", STATE, {"note": "n"})
    whole = path.read_bytes()
    for at in np.linspace(0, len(whole) - 1, 25).astype(int):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        path.write_bytes(bytes(damaged))
        try:
            found, header = read_tensors(path)
        except ValueError:
            continue
        assert header != {"note": "n"}
        assert set(found) == set(STATE)
        assert all(torch.equal(found[k], STATE[k]) for k in STATE)


@pytest.mark.parametrize("cut", [0, 4, 60, -3])
def test_a_cut_file_is_refused(tmp_path, cut):
    path = write_tensors(tmp_path / "x", STATE, {})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"no safetensors file|damaged"):
        read_tensors(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_tensors(tmp_path / "x", STATE, {"n": 1})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_tensors, "save_file", full)
    with pytest.raises(OSError, match=r"could not be written.*No space left.*nothing was replaced"):
        write_tensors(path, STATE, {"n": 2})
    assert read_header(path)["n"] == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no regular file"):
        read_tensors(tmp_path / "pipe")


@pytest.mark.parametrize("card", ["[1]", "{", "[" * 100_000])
def test_headers_that_are_no_dictionary(tmp_path, card):
    save_file(STATE, tmp_path / "x", metadata={"card": card})
    with pytest.raises(ValueError, match="is damaged"):
        read_header(tmp_path / "x")


def test_finite_and_fingerprint(tmp_path):
    require_finite(STATE, "x")
    with pytest.raises(ValueError, match=r"not finite, in \['a'\]"):
        require_finite(STATE | {"a": torch.tensor([1.0, float("nan")])}, "x")
    assert fingerprint(STATE) != fingerprint(STATE | {"a": STATE["a"].half()})
    path = write_tensors(tmp_path / "x", STATE, {})
    with safe_open(path, framework="pt") as file:
        assert fingerprint({k: file.get_tensor(k) for k in file.keys()}) == read_header(path)["fingerprint"]  # noqa: SIM118

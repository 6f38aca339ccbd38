import tempfile
from pathlib import Path

import numpy as np
import pytest

from scellm.pp._growing import InMemory, OnDisk, let_go, widened


@pytest.mark.parametrize("make", [InMemory, OnDisk])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_what_was_appended_comes_back(make, dtype):
    growing = make(dtype)
    parts = [np.arange(n, dtype=dtype) for n in (3, 0, 200, 1)]
    for part in parts:
        growing.extend(part)
    assert len(growing) == 204
    found = growing.finish()
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.concatenate(parts))


@pytest.mark.parametrize("make", [InMemory, OnDisk])
def test_nothing_was_appended(make):
    assert make(np.int32).finish().shape == (0,)


def test_pages_that_were_let_go_are_read_again():
    growing = OnDisk(np.int32)
    growing.extend(np.arange(100_000))
    found = growing.finish()
    part = found[5000:6000]
    let_go(found, part, np.arange(3))
    np.testing.assert_array_equal(part, np.arange(5000, 6000))
    assert not found.flags.writeable


def test_the_file_has_no_name_and_ends_with_the_array(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    growing = OnDisk(np.int32)
    growing.extend(np.arange(10))
    found = growing.finish()
    assert not list(tmp_path.iterdir())  # removed as soon as it is closed
    assert found.sum() == 45


def test_widened_numbers_stay_where_they_are():
    growing = OnDisk(np.int32)
    growing.extend(np.arange(1000))
    mapped = growing.finish()
    for values in (mapped, np.arange(1000, dtype=np.int32)):
        found = widened(values)
        assert found.dtype == np.int64
        assert isinstance(found, np.memmap) == isinstance(values, np.memmap)
        np.testing.assert_array_equal(found, np.arange(1000))


def test_a_full_disk_names_the_folder():
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    growing = OnDisk(np.int32)
    growing._file.close()
    growing._file = Path("/dev/full").open("wb")  # noqa: SIM115  closed with the object
    growing.extend(np.arange(10))  # in the buffer, as most files of a small data set
    with pytest.raises(OSError, match="TMPDIR"):
        growing.finish()
    with pytest.raises(OSError, match="TMPDIR"):
        growing.extend(np.arange(1 << 20))


def test_a_folder_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(OSError, match=r"none .*TMPDIR"):
        OnDisk(np.int32)


def test_what_was_written_into_a_copy_on_write_map_stays(tmp_path):
    np.zeros(5000, np.uint8).tofile(tmp_path / "x.bin")
    own = np.memmap(tmp_path / "x.bin", np.uint8, "c")
    own[:] = 7
    let_go(own)
    assert (own == 7).all()

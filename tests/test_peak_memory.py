import sys
import time
from mmap import mmap

import numpy as np
import pytest

from scellm._peak_memory import peak_memory


@pytest.mark.skipif(sys.platform == "win32", reason="not measured on Windows")
def test_memory_that_was_given_back_is_seen():
    with peak_memory() as before:
        pass
    with peak_memory() as found, mmap(-1, 128 << 20) as held:  # new pages; an array may get some that were freed
        np.frombuffer(held, np.uint8)[:] = 1  # every page is written
        time.sleep(0.1)  # NumPy lets no other thread look while it writes
    assert before.bytes + (100 << 20) < found.bytes


def test_the_watch_ends_with_an_error():
    with pytest.raises(KeyError), peak_memory() as found:
        raise KeyError
    assert found.bytes >= 0

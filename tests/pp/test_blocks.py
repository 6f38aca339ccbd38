import threading

import pytest

from scellm.pp._blocks import map_blocks


def test_results_are_in_order():
    assert list(map_blocks(lambda x: x * x, iter(range(100)))) == [x * x for x in range(100)]
    assert list(map_blocks(lambda x: x, [])) == []


def test_only_a_few_blocks_are_read_ahead():
    read, done = [], []

    def blocks():
        for i in range(1000):
            read.append((i, len(done)))
            yield i

    for result in map_blocks(lambda x: x, blocks()):
        done.append(result)  # noqa: PERF402 - `blocks` watches this list as it grows
    assert max(i - n for i, n in read) < 12


def test_blocks_are_read_in_the_calling_thread_and_errors_come_through():
    here = threading.get_ident()
    seen = []

    def blocks():
        seen.append(threading.get_ident())
        yield 0

    with pytest.raises(ZeroDivisionError):
        list(map_blocks(lambda x: 1 / x, blocks()))
    assert seen == [here]

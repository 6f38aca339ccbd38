"""Memory does not grow with the cells of data on disk: ten times as many need at most a tenth more, Python included."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference.peak_memory import TASKS, write

CELLS = 2500
LIMIT = 1.1


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two files, the second with ten times the cells of the first."""
    folder = tmp_path_factory.mktemp("cells")
    paths = [str(folder / f"{n}.h5ad") for n in (CELLS, 10 * CELLS)]
    for path, n in zip(paths, (CELLS, 10 * CELLS), strict=True):
        write(path, n)
    return paths


def peak(task, path):
    """Peak of resident memory, files that are mapped included, in MiB."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tests.reference.peak_memory", task, path]
    run = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, check=True
    )
    return int(run.stdout.split()[-1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
@pytest.mark.parametrize("task", TASKS)
def test_ten_times_the_cells_need_no_more_memory(files, task):
    few, many = (peak(task, path) for path in files)
    assert many <= LIMIT * few, (few, many)

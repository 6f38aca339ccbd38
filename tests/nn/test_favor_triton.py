import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton", reason="needs Triton, which exists for Linux")
ROOT = Path(__file__).parents[2]
ADA = 99 * 1024  # bytes of shared memory that a program may have there; data sheet of compute capability 8.9
ALLOWED = {"float32": 1e-5, "narrow": 1e-5, "no mask": 1e-5, "one token": 1e-5, "float16": 5e-3, "bfloat16": 3e-2}


def output(name):
    """What a module prints, in a process of its own: in this one, jaxtyping has rewritten the kernels."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    env.pop("TRITON_INTERPRET", None)
    done = subprocess.run([sys.executable, "-m", name], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_results_and_gradients_are_those_of_the_formula():
    """By Triton's interpreter, on a CPU."""
    found = output("tests.reference.fused")
    assert set(found) == set(ALLOWED)
    assert all(found[name] <= most for name, most in ALLOWED.items()), found


@pytest.mark.slow
def test_they_compile_for_gpus_and_use_their_matrix_units():
    """A100, RTX 4090 and H100, without any of them; the widest heads fit the memory that each has."""
    found = output("tests.reference.fused_compiled")
    assert len(found) == 3 * 5
    for name, facts in found.items():
        assert facts["shared"] <= ADA, (name, facts)
        assert facts["mma"], (name, facts)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_they_are_right():
    for dtype, off in output("tests.reference.fused_on_gpu").items():
        assert off <= {"float16": 1e-2, "bfloat16": 3e-2}[dtype], (dtype, off)

"""Numbers that a redesign must not change; they are listed in `tests/reference/unchanged.py`, which made the file."""

import numpy as np
import pytest
import torch

from tests.reference.unchanged import FILE, PARTS

KEPT = dict(np.load(FILE))
SAME_TORCH = str(KEPT.pop("torch")) == torch.__version__


@pytest.mark.parametrize("part", PARTS)
def test_numbers_are_those_of_the_file(part):
    if part in {"runs", "corpus", "networks"} and not SAME_TORCH:
        pytest.skip("training was recorded with another version of torch, whose sums differ in their last bits")
    # Adam's first steps amplify the last bits of small gradients, and these differ between processors: up to 4.9e-6.
    share = 1e-5 if part == "runs" else 1e-6
    for name, found in PARTS[part]().items():
        scale = np.nanmax(np.abs(KEPT[name]))
        np.testing.assert_allclose(found, KEPT[name], rtol=1e-6, atol=share * scale, err_msg=name)

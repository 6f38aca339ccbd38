"""The seed of scvi-tools, which models of this package draw from, handed on to every fit and other processes."""

from __future__ import annotations

import importlib
import random
import sys

import numpy as np


def random_seed() -> int | None:
    """The seed that was set in scvi-tools; `None` if it is not in use. A benchmark does not import it for that."""
    scvi = sys.modules.get("scvi")
    return None if scvi is None else scvi.settings.seed


def restore(seed: int | None) -> None:
    """Start all streams of random numbers again, so that a result does not depend on what was computed before it."""
    if seed is None:
        return
    if random_seed() != seed:  # another process
        importlib.import_module("scvi").settings.seed = seed
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the stream that libraries draw from
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)

"""scvi-tools warns when a query's genes are not those of the training data; a model that matches genes by name need not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_about_var_names() -> Iterator[None]:
    """Leave out that one warning: genes are matched by name, and `prepare` reports how well."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*var_names.*", category=UserWarning)
        yield

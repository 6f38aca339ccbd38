"""scellm: a cell language model for the scverse."""

from importlib.metadata import version

from scvi import settings

from scellm import baselines, bm, data, genes, pl, pp, tl
from scellm.model import CellLM

__all__ = ["CellLM", "baselines", "bm", "data", "genes", "pl", "pp", "settings", "tl"]
__version__ = version("scellm")

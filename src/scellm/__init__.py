"""scellm: a cell language model for the scverse."""

from importlib.metadata import version

from scvi import settings

from scellm import pp
from scellm.model import CellLM

__all__ = ["CellLM", "pp", "settings"]
__version__ = version("scellm")

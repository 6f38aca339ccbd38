"""scellm: a cell language model for the scverse."""

from importlib.metadata import version

from scvi import settings

from scellm import baselines, bm, data, datasets, drug, genes, pl, pp, tl
from scellm.model import CellLM, DrugResponse, plan

__all__ = [
    "CellLM",
    "DrugResponse",
    "baselines",
    "bm",
    "data",
    "datasets",
    "drug",
    "genes",
    "pl",
    "plan",
    "pp",
    "settings",
    "tl",
]
__version__ = version("scellm")

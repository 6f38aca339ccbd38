"""Gene vectors from a network of genes: GraphMAE (Hou et al. 2022, arXiv:2205.10803), as CellLM uses it (paper, section 3.2)."""

from scellm.train.graphmae._backend import BACKENDS
from scellm.train.graphmae._bundled import load_string_vectors
from scellm.train.graphmae._example import load_example_network
from scellm.train.graphmae._features import spectral_features
from scellm.train.graphmae._learn import learn
from scellm.train.graphmae._module import GraphMAE
from scellm.train.graphmae._network import Network, read_network
from scellm.train.graphmae._recipe import GraphMAERecipe

__all__ = [
    "BACKENDS",
    "GraphMAE",
    "GraphMAERecipe",
    "Network",
    "learn",
    "load_example_network",
    "load_string_vectors",
    "read_network",
    "spectral_features",
]

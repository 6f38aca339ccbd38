"""Gene embeddings from a network of genes: GraphMAE (Hou et al. 2022, arXiv:2205.10803), as CellLM uses it."""

from scellm.train.graphmae._backend import BACKENDS, GraphAttentionLayer
from scellm.train.graphmae._build import make_graphmae
from scellm.train.graphmae._config import GraphMAEConfig
from scellm.train.graphmae._encoder import GraphEncoder
from scellm.train.graphmae._example import load_example_network
from scellm.train.graphmae._features import GivenFeatures, LearnedTable, spectral_features
from scellm.train.graphmae._masking import Masking
from scellm.train.graphmae._module import GraphMAE
from scellm.train.graphmae._network import Network, read_network
from scellm.train.graphmae._train import train

__all__ = [
    "BACKENDS",
    "GivenFeatures",
    "GraphAttentionLayer",
    "GraphEncoder",
    "GraphMAE",
    "GraphMAEConfig",
    "LearnedTable",
    "Masking",
    "Network",
    "load_example_network",
    "make_graphmae",
    "read_network",
    "spectral_features",
    "train",
]

"""Tokens to vectors: plain torch, no AnnData."""

from scellm.nn._block import ATTENTIONS, Block
from scellm.nn._config import PRESETS, Config, make_config
from scellm.nn._encoder import Embedding, Encoder
from scellm.nn._expression_pooling import ExpressionPooling
from scellm.nn._favor import Favor, orthogonal_projection
from scellm.nn._gene_table import GeneTable
from scellm.nn._heads import AnnotationHead, MaskedHead, OriginHead, Projector
from scellm.nn._mean_pooling import ClsPooling, MeanPooling
from scellm.nn._module import POOLINGS
from scellm.nn._openbiomed import OpenBioMedFavor
from scellm.nn._performer import PerformerPytorch
from scellm.nn._pooling import SparsePooling
from scellm.nn._softmax import Softmax

__all__ = [
    "ATTENTIONS",
    "POOLINGS",
    "PRESETS",
    "AnnotationHead",
    "Block",
    "ClsPooling",
    "Config",
    "Embedding",
    "Encoder",
    "ExpressionPooling",
    "Favor",
    "GeneTable",
    "MaskedHead",
    "MeanPooling",
    "OpenBioMedFavor",
    "OriginHead",
    "PerformerPytorch",
    "Projector",
    "Softmax",
    "SparsePooling",
    "make_config",
    "orthogonal_projection",
]  # fmt: skip

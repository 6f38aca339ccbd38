"""The network in plain torch: from tokens to cell embeddings and predictions."""

from scellm.nn._additive_response import AdditiveResponse
from scellm.nn._attention import ATTENTIONS, Attention
from scellm.nn._block import Block, FeedForward
from scellm.nn._config import PRESETS, Config, make_config
from scellm.nn._deepcdr_response import DeepCDRResponse
from scellm.nn._encoder import Embedding, Encoder
from scellm.nn._expression_pooling import ExpressionPooling
from scellm.nn._favor import Favor, favor, orthogonal_projection
from scellm.nn._gene_table import GeneTable
from scellm.nn._heads import AnnotationHead, LinearHead, MalignancyHead, MaskedHead, ProfileHead, ProjectionHead
from scellm.nn._joint_response import JointResponse
from scellm.nn._kernel import AttentionKernel
from scellm.nn._mean_pooling import ClsPooling, MeanPooling
from scellm.nn._molecule_encoder import MoleculeEncoder
from scellm.nn._openbiomed import OpenBioMedFavor
from scellm.nn._performer import PerformerPytorch
from scellm.nn._pooling import Pooling
from scellm.nn._poolings import POOLINGS
from scellm.nn._response_network import RESPONSE_HEADS, PackedMolecules, ResponseNetwork
from scellm.nn._scbert_network import ScBERTNetwork
from scellm.nn._softmax import Softmax
from scellm.nn._solved_response import SolvedResponse
from scellm.nn._sparse_pooling import SparsePooling

__all__ = [
    "ATTENTIONS",
    "POOLINGS",
    "PRESETS",
    "RESPONSE_HEADS",
    "AdditiveResponse",
    "AnnotationHead",
    "Attention",
    "AttentionKernel",
    "Block",
    "ClsPooling",
    "Config",
    "DeepCDRResponse",
    "Embedding",
    "Encoder",
    "ExpressionPooling",
    "Favor",
    "FeedForward",
    "GeneTable",
    "JointResponse",
    "LinearHead",
    "MalignancyHead",
    "MaskedHead",
    "MeanPooling",
    "MoleculeEncoder",
    "OpenBioMedFavor",
    "PackedMolecules",
    "PerformerPytorch",
    "Pooling",
    "ProfileHead",
    "ProjectionHead",
    "ResponseNetwork",
    "ScBERTNetwork",
    "Softmax",
    "SolvedResponse",
    "SparsePooling",
    "favor",
    "make_config",
    "orthogonal_projection",
]

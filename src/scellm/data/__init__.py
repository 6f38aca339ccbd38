"""AnnData and corpora to tokens: fields, datasets, views, samplers and sources of cells."""

from scellm._tokens import Padded, Tokens
from scellm.data._build_corpus import build_corpus
from scellm.data._corpus import Corpus
from scellm.data._counts import Counts
from scellm.data._join_backed import join_backed
from scellm.data._panels import Panels
from scellm.data._read_backed import read_backed
from scellm.data._samplers import RandomSampler, RowOrder
from scellm.data._source import CellSource, SourceOptions
from scellm.data._source_balanced_sampler import SourceBalancedSampler
from scellm.data._sources import SOURCES
from scellm.data._split_counts import SplitCounts
from scellm.data._subsample_genes import SubsampleGenes
from scellm.data._thin import Thin
from scellm.data._view import PairedView, View, identity
from scellm.data._views import VIEWS

__all__ = [
    "SOURCES",
    "VIEWS",
    "CellSource",
    "Corpus",
    "Counts",
    "Padded",
    "PairedView",
    "Panels",
    "RandomSampler",
    "RowOrder",
    "SourceBalancedSampler",
    "SourceOptions",
    "SplitCounts",
    "SubsampleGenes",
    "Thin",
    "Tokens",
    "View",
    "build_corpus",
    "identity",
    "join_backed",
    "read_backed",
]

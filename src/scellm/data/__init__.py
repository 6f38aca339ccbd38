"""AnnData to tokens: what scvi-tools' loaders need."""

from scellm.data._build_corpus import build_corpus
from scellm.data._corpus import Corpus
from scellm.data._counts import Counts
from scellm.data._tokens import Padded, Tokens
from scellm.data._views import VIEWS, SubsampleGenes, Thin, View, identity

__all__ = [
    "VIEWS",
    "Corpus",
    "Counts",
    "Padded",
    "SubsampleGenes",
    "Thin",
    "Tokens",
    "View",
    "build_corpus",
    "identity",
]

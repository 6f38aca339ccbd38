"""Tools: AnnData and a model in, slots of the AnnData out."""

from scellm.tl._annotate import annotate
from scellm.tl._attention import attention
from scellm.tl._contributions import contributions
from scellm.tl._embed import embed
from scellm.tl._embed_genes import embed_genes
from scellm.tl._evaluate import evaluate
from scellm.tl._gene_neighbors import gene_neighbors
from scellm.tl._screen import screen
from scellm.tl._sensitivity import sensitivity

__all__ = [
    "annotate",
    "attention",
    "contributions",
    "embed",
    "embed_genes",
    "evaluate",
    "gene_neighbors",
    "screen",
    "sensitivity",
]

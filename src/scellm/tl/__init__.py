"""Tools: AnnData and a model in, slots of the AnnData out."""

from scellm.tl._annotate import annotate
from scellm.tl._embed import embed

__all__ = ["annotate", "embed"]

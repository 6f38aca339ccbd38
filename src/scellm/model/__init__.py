"""The models: AnnData in, arrays out."""

from scellm.model._cell_lm import CellLM
from scellm.model._openbiomed import from_openbiomed

__all__ = ["CellLM", "from_openbiomed"]

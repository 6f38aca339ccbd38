"""The module of DrugResponse: an encoder of profiles, and heads."""

from __future__ import annotations

from scvi.module.base import BaseModuleClass
from torch import nn

from scellm.module._cell_encoder import CellEncoder
from scellm.nn import Config
from scellm.nn._response_network import ResponseNetwork


class DrugResponseModule(BaseModuleClass):
    """Cell encoder, and heads that are added when they are learned.

    Parameters
    ----------
    config
        Shape of the encoder; `None` for none, where the expression itself is read.
    """

    def __init__(self, config: Config | None) -> None:
        super().__init__()
        self.cell_encoder = None if config is None else CellEncoder(config)
        if self.cell_encoder is not None:
            self.cell_encoder.initialize_bins()
        self.heads = nn.ModuleList()

    @property
    def networks(self) -> list[ResponseNetwork]:
        """The heads."""
        return [head for head in self.heads if isinstance(head, ResponseNetwork)]

    def make_heads(self, head: str, n_heads: int, line_width: int, drug_width: int) -> None:
        """Replace the heads by new ones; see :class:`scellm.nn.ResponseNetwork`."""
        self.heads = nn.ModuleList(ResponseNetwork(head, line_width, drug_width) for _ in range(n_heads))

"""What DrugResponse reads of a line: its expression, or an encoder's embedding."""

from __future__ import annotations

from os import PathLike
from typing import Any

from scellm.model._cell_lm import CellLM
from scellm.module import DrugResponseModule
from scellm.nn import Config

Encoder = str | PathLike | CellLM
EXPRESSION, RANDOM = "expression", "random"
_LIKE = "celllm-mini"


def profile_encoder(encoder: Encoder, shape: dict[str, Any]) -> tuple[DrugResponseModule, str, dict[str, Any]]:
    """Make the module.

    Parameters
    ----------
    encoder
        "expression", "random", weights, or a model.
    shape
        Shape of a random encoder; by default that of celllm-mini.

    Returns
    -------
    tuple
        The module, the name of what is read, and the shape of the encoder as plain values, empty for none.

    Raises
    ------
    TypeError
        If `shape` is given for an encoder that has its own.
    ValueError
        If there are no such weights.
    """
    if shape and encoder != RANDOM:
        msg = f"DrugResponse takes no options {sorted(shape)} with encoder={encoder!r}: its shape is known."
        raise TypeError(msg)
    if isinstance(encoder, str) and encoder == EXPRESSION:
        return DrugResponseModule(None), EXPRESSION, {}
    if shape:
        return DrugResponseModule(Config(**shape)), RANDOM, shape
    name = encoder._model_summary_string.split(":")[0] if isinstance(encoder, CellLM) else str(encoder)
    model = encoder if isinstance(encoder, CellLM) else CellLM.from_pretrained(_LIKE if name == RANDOM else encoder)
    config = model.module.config
    module = DrugResponseModule(config)
    if name != RANDOM and module.cell_encoder is not None:
        module.cell_encoder.load_state_dict(model.module.cell_encoder.state_dict())
    return module, f"the embedding by {name}", config.to_dict()

"""From a model and an AnnData to vectors and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from jaxtyping import Float
from scvi.utils import track
from torch import Tensor

from scellm.data._tokens import Tokens

if TYPE_CHECKING:
    from scellm.model._cell_lm import CellLM

_BATCH = 512  # cells read at once: enough to find chunks of equal length among them
_UNTRAINED = "This CellLM has random weights: its vectors mean little. Run model.pretrain(), or start from CellLM.from_pretrained('celllm-mini', adata)."

Indices = Sequence[int] | np.ndarray | None


def vectors(
    model: CellLM, adata: AnnData | None, indices: Indices, batch_size: int | None
) -> Float[Tensor, "cells dim"]:
    """Vectors of cells, in the order of `indices`, float32; see :meth:`scellm.CellLM.get_latent_representation`."""
    model._check_if_trained(warn=True, message=_UNTRAINED)
    adata = model._validate_anndata(adata)
    loader = model._make_data_loader(adata=adata, indices=indices, batch_size=batch_size or _BATCH)
    model.module.eval()
    with torch.inference_mode():
        batches = track(loader, description="CellLM", disable=len(loader) < 4)
        parts = [model.module.cells(Tokens.of(batch)).float().cpu() for batch in batches]
    return torch.cat(parts) if parts else torch.zeros(0, model.module.config.cell_dim)


def probabilities(model: CellLM, adata: AnnData | None, indices: Indices, batch_size: int | None) -> pd.DataFrame:
    """Probabilities of the types, float32, (cells, types); raises RuntimeError where none were learned."""
    if "train_loss" not in (model.history_ or {}):
        msg = "This CellLM has not learned cell types. Set up with labels_key=..., then run model.train()."
        raise RuntimeError(msg)
    cells = vectors(model, adata, indices, batch_size)
    with torch.inference_mode():
        scores = model.module.type_scores(cells.to(model.device)).softmax(1).cpu().numpy()
    names = (model.adata if adata is None else adata).obs_names
    rows = names if indices is None else names[np.asarray(indices)]
    return pd.DataFrame(scores, index=rows, columns=np.array(model._types(), dtype=object))

"""The attention of [CLS] to each gene of each cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from torch import Tensor

from scellm._options import in_range
from scellm._tokens import Padded
from scellm.model._gene_values import gene_values


def attention_of_cls(model: Any, adata: AnnData, block: int = -1, batch_size: int | None = None) -> sp.csr_matrix:
    """Mean over heads of the attention of [CLS] to each gene.

    Parameters
    ----------
    model
        A model over tokens.
    adata
        Cells; prepared if needed.
    block
        Index of the block, from 0; by default the last.
    batch_size
        Cells read at once.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32, cells by the columns of the stored bins. A row sums to 1 minus the attention of [CLS] to itself.

    Raises
    ------
    ValueError
        If the model has no attention, or no such block.
    """
    check_blocks(model, block)
    adata = model._validate_anndata(adata)

    def of_chunk(cells: Padded, _rows: np.ndarray) -> Tensor:
        return model._encoder.encoder.cls_attention(cells, block).mean(1)  # (cells, length)

    return gene_values(model, adata, of_chunk, batch_size, "attention")


def check_blocks(model: Any, block: int) -> None:
    """Raise ValueError unless the model has this block."""
    depth = model._encoder.config.depth
    if not depth:
        msg = (
            "This model has no attention (depth=0): its cells are weighted sums of gene vectors. Weights with "
            "attention are 'celllm-mini'. scellm.tl.contributions answers what a type depends on, for any model."
        )
        raise ValueError(msg)
    in_range("block", block, -depth, depth - 1, whole=True)

"""What a CellLM answers: vectors of cells and genes, and cell types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

from scellm.model._predict import probabilities, vectors
from scellm.pp import load_vocabulary

if TYPE_CHECKING:
    from scellm.model._cell_lm import CellLM


class AnswersMixin:
    """The methods of :class:`scellm.CellLM` that learn nothing."""

    def get_latent_representation(
        self,
        adata: AnnData | None = None,
        *,
        indices: Sequence[int] | np.ndarray | None = None,
        batch_size: int | None = None,
    ) -> np.ndarray:
        """Vectors of cells, made of those of their genes by the pooling (paper, appendix F).

        Parameters
        ----------
        adata
            Cells; by default those of the model. Others are prepared as the model's were, by gene name.
        indices
            Which cells, in any order; by default all.
        batch_size
            Cells read at once; changes the speed, not the vectors.

        Returns
        -------
        numpy.ndarray
            float32, (n, d), rows in the order of `indices`. The length d is
            `model.module.config.cell_dim`: the width, and with pooling "expression" a sketch of the genes more (`celllm-mini`: 2,048).
            After :meth:`train`, of the fine-tuned model.
        """
        return vectors(cast("CellLM", self), adata, indices, batch_size).numpy()

    def predict(
        self,
        adata: AnnData | None = None,
        *,
        indices: Sequence[int] | np.ndarray | None = None,
        soft: bool = False,
        batch_size: int | None = None,
    ) -> np.ndarray | pd.DataFrame:
        """Cell types.

        Parameters
        ----------
        adata
            Cells; by default those of the model. No labels are needed.
        indices
            Which cells, in any order; by default all.
        soft
            Return probabilities.
        batch_size
            Cells read at once; changes the speed, not the result.

        Returns
        -------
        numpy.ndarray or pandas.DataFrame
            Names, (n,); or float32 probabilities, (n, types), with the names of cells and types.

        Raises
        ------
        RuntimeError
            If the model was not trained on cell types.
        """
        table = probabilities(cast("CellLM", self), adata, indices, batch_size)
        return table if soft else table.columns.to_numpy()[table.to_numpy().argmax(1)]

    @torch.no_grad()
    def get_gene_embeddings(self) -> pd.DataFrame:
        """Vectors of genes: what makes a token that gene's, as the model has it now.

        Returns
        -------
        pandas.DataFrame
            float32, (genes of the vocabulary, dim), named by symbol.
        """
        table = cast("CellLM", self).module.encoder.embedding.gene.vectors().cpu().numpy()
        symbols = load_vocabulary().symbols
        return pd.DataFrame(table[: len(symbols)], index=symbols)

"""Start the gene table from given vectors."""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn

from scellm.pp._genes import match_names
from scellm.pp._vocabulary import load_vocabulary


def set_gene_embeddings(table: nn.Embedding, vectors: pd.DataFrame) -> None:
    """Write vectors into the rows of the genes they name; other rows stay as they are.

    Parameters
    ----------
    table
        The gene table, (genes and special tokens, dim).
    vectors
        Genes by dim; any identifiers that `prepare` understands. Of two rows of one gene the first counts.

    Raises
    ------
    ValueError
        If the width is another, or no gene is known.
    """
    if vectors.shape[1] != table.embedding_dim:
        msg = f"gene_embeddings must have {table.embedding_dim} columns, the model's dim; found {vectors.shape[1]}. Pass dim={vectors.shape[1]}."
        raise ValueError(msg)
    match = match_names(vectors.index, load_vocabulary(), "the index of gene_embeddings")
    if not match.known.any():
        msg = f"gene_embeddings names no gene that scellm knows; expected symbols or Ensembl ids in its index, found {list(vectors.index[:3])}."
        raise ValueError(msg)
    found = pd.Series(range(len(vectors)), index=match.ids)[match.known]
    found = found[~found.index.duplicated()]
    with torch.no_grad():
        table.weight[found.index.to_numpy()] = torch.as_tensor(vectors.to_numpy("float32")[found.to_numpy()])

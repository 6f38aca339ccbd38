"""The kinds of sources, and the choice of one for given data."""

from __future__ import annotations

from typing import Any

from scellm.data._anndata_source import AnnDataSource
from scellm.data._corpus_source import CorpusSource
from scellm.data._source import CellSource, SourceOptions

SOURCES: list[type[CellSource]] = [AnnDataSource, CorpusSource]
"""Kinds of sources; the first that accepts the data is used. To add one, write a file and list it here."""


def as_source(data: Any, options: SourceOptions) -> CellSource:
    """Open data as a source of cells.

    Parameters
    ----------
    data
        A manager of an AnnData, a :class:`Corpus`, or the folder of one.
    options
        Options for drawing cells.

    Returns
    -------
    CellSource
        The source.

    Raises
    ------
    TypeError
        If no kind of source reads such data.
    """
    kind = next((s for s in SOURCES if s.accepts(data)), None)
    if kind is None:
        msg = (
            f"corpus= takes the output of scellm.data.build_corpus, or the path of its folder; found "
            f"{type(data).__name__}. To pretrain on an AnnData, make the model with it: scellm.CellLM(adata)."
        )
        raise TypeError(msg)
    return kind.of(data, options)

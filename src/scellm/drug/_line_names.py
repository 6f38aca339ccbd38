"""Names of cell lines, which databases write in their own ways."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scellm._labels import text_of
from scellm._logging import logger

_SEPARATORS = r"[^A-Z0-9.]|(?<![0-9])\.|\.(?![0-9])"  # a point between digits is part of a number


def places_of_lines(names: pd.Series, lines: pd.Index) -> np.ndarray:
    """Where each name stands among lines: as it is, or by its letters and digits ("NCI-H1975" and "NCIH1975").

    Parameters
    ----------
    names
        Names in a table of responses.
    lines
        Names of the profiles, unique.

    Returns
    -------
    numpy.ndarray
        int64, (names,); -1 for a line without a profile.

    Raises
    ------
    ValueError
        If no name is found.
    """
    codes, found = pd.factorize(names.astype(object))
    texts, known = (pd.Index([text_of(v) for v in x]) for x in (found, lines))
    places = known.get_indexer(texts)
    plain_lines, plain = (pd.Series(x.str.upper().str.replace(_SEPARATORS, "", regex=True)) for x in (known, texts))
    unique = plain_lines[~plain_lines.duplicated(keep=False) & (plain_lines != "")]
    by_plain = pd.Series(unique.index, index=unique.to_numpy())
    second = by_plain.reindex(plain).fillna(-1).to_numpy(np.int64)
    # A line that has its own name in the table, or that two names could be, is not guessed: TT and T-T are two lines.
    alone = ~pd.Series(second).duplicated(keep=False).to_numpy() & ~np.isin(second, places[places >= 0])
    guessed = (places < 0) & (second >= 0) & alone
    places = np.where(guessed, second, places)
    if not (places >= 0).any():
        msg = (
            f"No line of the responses has a profile: responses name {list(texts[:3])}, profiles {list(known[:3])}. "
            "Pass line_key= with the column of obs that holds the same names."
        )
        raise ValueError(msg)
    if guessed.any():
        example = texts[np.flatnonzero(guessed)[0]]
        logger.info(
            "%d lines were found by their letters and digits, such as %r as %r",
            guessed.sum(),
            example,
            known[places[np.flatnonzero(guessed)[0]]],
        )
    return np.where(codes >= 0, places[codes], -1).astype(np.int64)

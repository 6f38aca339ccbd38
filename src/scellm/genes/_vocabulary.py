"""The vocabulary: the genes that a model knows, with all their names."""

from __future__ import annotations

import hashlib
import io
from functools import cache, cached_property

import pandas as pd

from scellm._assets import read_asset

UPPER_CASE = frozenset({"previous", "alias", "case"})
"""Kinds of name that are stored, and looked up, in upper case."""

_FILE = "vocabulary_hgnc_2020_05.tsv.gz"


class Vocabulary:
    """Approved human protein-coding genes (HGNC, May 2020), sorted by symbol; a gene's position is its token id.

    Previous symbols and aliases are kept only if they belong to one gene; `scripts/build_vocabulary.py` makes the file.

    Parameters
    ----------
    table
        Columns `symbol`, `hgnc_id`, `ensembl_id`, `previous`, `alias`; the last two hold names separated by `|`.
    version
        Name of the source and its date.
    sha256
        SHA-256 of the uncompressed table. Models with the same hash read the same tokens.
    """

    def __init__(self, table: pd.DataFrame, version: str, sha256: str) -> None:
        self.table, self.version, self.sha256 = table, version, sha256

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return f"Vocabulary({self.version}, {len(self):,} genes)"

    @cached_property
    def symbols(self) -> pd.Index:
        """Approved symbols, in the order of token ids."""
        return pd.Index(self.table["symbol"], name=None)

    @cached_property
    def names(self) -> dict[str, pd.Series]:
        """For each kind of name, a Series from the name to the token id; kinds are in the order of preference.

        Names of the kinds in `UPPER_CASE` are in upper case.
        """
        ids = pd.Series(range(len(self)), dtype="int32")
        found = {
            "ensembl": pd.Series(ids.to_numpy(), index=self.table["ensembl_id"]),
            "hgnc": pd.Series(ids.to_numpy(), index=self.table["hgnc_id"]),
            "symbol": pd.Series(ids.to_numpy(), index=self.table["symbol"]),
            "previous": self._split("previous"),
            "alias": self._split("alias"),
            "case": pd.Series(ids.to_numpy(), index=self.table["symbol"].str.upper()),
        }
        # A name that two genes share is ambiguous, and left out.
        return {kind: s[s.index.notna() & ~s.index.duplicated(keep=False)] for kind, s in found.items()}

    def _split(self, column: str) -> pd.Series:
        names = self.table[column].str.split("|").explode().dropna().str.upper()
        return pd.Series(names.index.to_numpy(dtype="int32"), index=names.to_numpy())


@cache
def load_vocabulary() -> Vocabulary:
    """Read the vocabulary included in the package.

    Returns
    -------
    Vocabulary
        19,225 genes; read once and cached.
    """
    text = read_asset("scellm.genes", _FILE)
    table = pd.read_csv(io.BytesIO(text), sep="\t", dtype=str)
    return Vocabulary(table, version="hgnc-2020-05-protein-coding", sha256=hashlib.sha256(text).hexdigest())

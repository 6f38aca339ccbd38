"""Make the gene vocabulary that ships with the package from the HGNC complete set.

    python scripts/build_vocabulary.py path/to/hgnc_complete_set.tsv.gz

Keeps approved protein-coding genes, sorted by symbol. A previous symbol or alias is kept only if it belongs to one gene
and is not the approved symbol of any gene: `ACF`, for example, must not be read as a protein-coding gene because a
pseudogene had this name. The output is byte-for-byte the same on every run; its SHA-256 is printed and checked by the
tests.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
from pathlib import Path

import pandas as pd

OUTPUT = Path(__file__).parent.parent / "src/scellm/genes/vocabulary_hgnc_2020_05.tsv.gz"


def unambiguous(table: pd.DataFrame, column: str, taken: pd.Index) -> pd.Series:
    """Names in `column` that belong to one gene and are not in `taken`; one row each, indexed by row of the gene."""
    names = table[column].str.split("|").explode().str.strip()
    names = names[names.notna() & (names != "")]
    names = names[~names.str.upper().isin(taken.str.upper())]
    genes_per_name = names.index.to_series().groupby(names.str.upper().to_numpy()).nunique()
    return names[names.str.upper().map(genes_per_name) == 1]


def main(source: str) -> None:
    """Read the HGNC table and write the vocabulary."""
    table = pd.read_csv(source, sep="\t", dtype=str)
    table = table[table["status"] == "Approved"].reset_index(drop=True)
    symbols = pd.Index(table["symbol"])
    previous = unambiguous(table, "prev_symbol", symbols)
    alias = unambiguous(table, "alias_symbol", symbols.append(pd.Index(previous)))

    genes = table[table["locus_group"] == "protein-coding gene"].sort_values("symbol", kind="stable")
    out = pd.DataFrame({"symbol": genes["symbol"], "hgnc_id": genes["hgnc_id"], "ensembl_id": genes["ensembl_gene_id"]})
    for name, found in (("previous", previous), ("alias", alias)):
        out[name] = found.groupby(level=0).agg(lambda s: "|".join(dict.fromkeys(s))).reindex(out.index)

    text = io.StringIO()
    out.to_csv(text, sep="\t", index=False, lineterminator="\n")
    data = gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)
    OUTPUT.write_bytes(data)
    digest = hashlib.sha256(text.getvalue().encode()).hexdigest()
    print(f"{OUTPUT.name}: {len(out)} genes, {len(data) / 1e6:.2f} MB, SHA-256 of the text {digest}")


if __name__ == "__main__":
    main(sys.argv[1])

"""Make the small network of the package: thirteen groups of genes of STRING v11's table of actions.

python scripts/build_network_slice.py DATA/network/string_v11_actions.csv.gz DATA/genes/hgnc_2020.tsv.gz
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

OUT = Path(__file__).parents[1] / "src/scellm/train/graphmae/string_v11_slice.csv.gz"
MIN_SCORE = 400
GROUPS = {
    "proteasome": r"^proteasome",
    "ribosome, large subunit": r"^ribosomal protein L",
    "ribosome, small subunit": r"^ribosomal protein S\d",
    "respiratory chain": r"^(?:NADH:ubiquinone oxidoreductase (?:core )?subunit|cytochrome c oxidase subunit|"
    r"ubiquinol-cytochrome)",
    "mediator": r"^mediator complex",
    "chemokines": r"^(?:C-C|C-X-C) motif chemokine",
    "collagens": r"^collagen type",
    "spliceosome": r"^(?:small nuclear ribonucleoprotein|splicing factor)",
    "interleukins": r"^interleukin \d+(?: |$)",
    "MHC": r"^major histocompatibility complex",
    "T-cell surface": r"^CD(?:2|3|4|8|28|247)[a-zA-Z]? ",
    "kinesins": r"^kinesin family",
    "potassium channels": r"^potassium (?:voltage-gated|calcium)",
}
"""For each group, a pattern of HGNC gene names."""


def main(network: Path, hgnc: Path) -> None:
    """Write the edges whose ends are both in a group."""
    genes = pd.read_csv(hgnc, sep="\t", usecols=["symbol", "name", "locus_group"])
    genes = genes[genes["locus_group"] == "protein-coding gene"]
    group = {s: g for g, pattern in GROUPS.items() for s in genes["symbol"][genes["name"].str.contains(pattern)]}
    edges = pd.read_csv(network)
    edges = edges[edges["a"].isin(group) & edges["b"].isin(group) & (edges["score"] >= MIN_SCORE)]
    edges = edges.assign(group_a=edges["a"].map(group), group_b=edges["b"].map(group)).sort_values(["a", "b"])
    edges.to_csv(OUT, index=False, compression={"method": "gzip", "mtime": 0})
    print(
        f"{OUT.name}: {len(edges):,} edges of {len(set(edges['a']) | set(edges['b'])):,} genes, "
        f"{OUT.stat().st_size / 1e3:.0f} kB"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

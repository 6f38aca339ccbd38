"""The drug data of the data folder as tasks."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
from _data import DATA, read

from scellm import datasets
from scellm.bm.drug import DrugData
from scellm.datasets._drug_tasks import ENOUGH

MIXOLOGY = {
    "A549": "A549",
    "H1975": "NCIH1975",
    "H2228": "NCIH2228",
    "H838": "NCIH838",
    "HCC827": "HCC827",
    "PC9": "PC14",
}
"""Lines of the single-cell data, and their names in GDSC, which calls PC9 PC-14."""


def gdsc_lines() -> ad.AnnData:
    """Basal expression of GDSC's lines, 975 x 6,163, standardised within each line."""
    adata = read("drug/gdsc_expression_975x6163.h5ad")
    adata.X = (adata.X / 100).astype(np.float32)  # stored in hundredths
    return adata


def gdsc_pairs(version: int) -> pd.DataFrame:
    """Responses of GDSC1 or GDSC2 with the columns line, drug, value (ln uM)."""
    return pd.read_csv(DATA / f"drug/gdsc{version}_ic50_pairs.csv.gz").rename(columns={"ln_ic50": "value"})


def wide(pairs: pd.DataFrame, lines: pd.Index, least: int = ENOUGH) -> pd.DataFrame:
    """Lines by drugs, repeats averaged; drugs measured on too few lines are left out."""
    table = pairs.pivot_table(index="line", columns="drug", values="value", aggfunc="mean")
    table = table.loc[table.index.intersection(lines)]
    return table.loc[:, table.notna().sum() >= least]


def gdsc(version: int) -> DrugData:
    """GDSC1 or GDSC2 on 6,163 genes."""
    return datasets.drug_tasks("IC50, unseen lines", release=version, folder=DATA)[0].data


def tgsa() -> DrugData:
    """TGSA's 82,833 responses of 580 lines to 170 drugs, on 706 genes."""
    pairs = pd.read_csv(DATA / "drug/gdsc_ic50_pairs.csv.gz").rename(columns={"DepMap_ID": "line", "ic50": "value"})
    x = pd.read_csv(DATA / "drug/ccle_580x706_expression.csv.gz", index_col=0)
    notes = pd.read_csv(DATA / "drug/ccle_cell_line_annotations.tsv.gz", sep="\t").drop_duplicates("depMapID")
    tissue = notes.set_index("depMapID")["Site_Primary"].reindex(x.index).fillna("unknown")
    lines = ad.AnnData(x.to_numpy(np.float32), pd.DataFrame({"tissue": tissue}), pd.DataFrame(index=x.columns))
    smiles = pairs.drop_duplicates("drug").set_index("drug")["smiles"]
    return DrugData(lines, wide(pairs, x.index, 1).reindex(x.index).sort_index(axis=1), smiles, "tissue")


def deepcdr_pairs() -> pd.DataFrame:
    """The 107,446 responses of 561 lines to 223 drugs that the paper's set very likely comes from, by PubChem id."""
    matrix = pd.read_csv(DATA / "drug/gdsc_ic50_matrix_deepcdr.csv.gz", index_col=0)
    drugs = pd.read_csv(DATA / "drug/gdsc_drug_list.csv")
    smiles = pd.read_csv(DATA / "drug/pubchem_smiles_223.txt", sep="\t", header=None, dtype=str).set_index(0)[1]
    pubchem = drugs["PubCHEM"].astype(str).str.strip()
    known = pubchem.isin(smiles.index)
    by_id = dict(zip("GDSC:" + drugs["drug_id"][known].astype(str), pubchem[known], strict=True))
    lines = (DATA / "drug/deepcdr_561_lines.txt").read_text().split()
    notes = pd.read_csv(DATA / "drug/ccle_cell_line_annotations.tsv.gz", sep="\t")
    kept = [c for c in matrix.columns if c in set(lines) & set(notes["depMapID"])]
    long = matrix.loc[[d for d in matrix.index if d in by_id], kept].stack().rename("value").reset_index()
    long.columns = ["drug", "line", "value"]
    return long.assign(drug=long["drug"].map(by_id))


def mixology_and_pc9() -> tuple[ad.AnnData, dict[str, str]]:
    """Cells of six lung lines whose responses GDSC knows: counts, and `obs["line"]`; names in GDSC."""
    mixology, pc9 = read("corpus/lung_cancer_lines_mixology.h5ad"), read("eval/pc9_erlotinib.h5ad")
    pc9 = pc9[pc9.obs["cell_type"].astype(str) == "sensitive"].copy()
    mixology.obs["line"], pc9.obs["line"] = mixology.obs["cell_type"].astype(str), "PC9"
    both = ad.concat([mixology, pc9], join="inner")
    both.obs_names_make_unique()
    return both, MIXOLOGY

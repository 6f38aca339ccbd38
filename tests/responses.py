"""Made-up cell lines whose responses follow from their genes, and a DrugResponse that learned them."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

import scellm
from scellm.bm.drug import DrugData

SMILES = pd.Series(
    {
        "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
        "cisplatin": "[NH3][Pt]([NH3])(Cl)Cl",
        "erlotinib": "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC",
        "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
        "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
        "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1",
        "paracetamol": "CC(=O)Nc1ccc(O)cc1",
        "salicylate": "OC(=O)c1ccccc1O",
        "temozolomide": "CN1N=Nc2c(C(N)=O)ncn2C1=O",
        "vorinostat": "ONC(=O)CCCCCCC(=O)Nc1ccccc1",
    }
)


def make_lines(n_lines: int = 60, n_genes: int = 400, seed: int = 0) -> ad.AnnData:
    """Log expression of lines of three tissues; `obsm["factors"]` drives genes and responses."""
    rng = np.random.default_rng(seed)
    symbols = scellm.genes.load_vocabulary().symbols
    names = symbols[np.sort(rng.permutation(len(symbols))[:n_genes])]
    factors = rng.normal(size=(n_lines, 4))
    x = 5 + rng.normal(size=n_genes) + factors @ rng.normal(size=(4, n_genes)) * 0.6
    x = np.maximum(x + 0.3 * rng.normal(size=x.shape), 0)
    lines = ad.AnnData(x.astype(np.float32), var=pd.DataFrame(index=names))
    lines.obs_names = [f"L{i}" for i in range(n_lines)]
    lines.obs["tissue"] = pd.Categorical(np.array(["lung", "skin", "blood"])[np.argmax(factors[:, :3], 1)])
    lines.obsm["factors"] = factors
    return lines


def make_table(lines: ad.AnnData, seed: int = 1, drugs: pd.Index = SMILES.index, unknown: float = 0.1) -> pd.DataFrame:
    """ln IC50 that follows the factors, with noise and gaps."""
    rng = np.random.default_rng(seed)
    effect = lines.obsm["factors"] @ rng.normal(size=(4, len(drugs)))
    table = rng.normal(2, 2, len(drugs)) + effect + 0.3 * rng.normal(size=effect.shape)
    table[rng.random(table.shape) < unknown] = np.nan
    return pd.DataFrame(table, index=lines.obs_names, columns=drugs)


def make_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """A table as one row a measurement."""
    return table.rename_axis(index="line", columns="drug").reset_index().melt("line").dropna(ignore_index=True)


def make_data(**options: int) -> DrugData:
    """Lines, responses, molecules and tissues."""
    lines = make_lines(**options)
    return DrugData(lines, make_table(lines), SMILES, "tissue")


def make_response(train: dict | None = None, **options: object) -> scellm.DrugResponse:
    """A DrugResponse that was trained on made-up lines."""
    lines = make_lines()
    scellm.DrugResponse.setup_anndata(lines)
    model = scellm.DrugResponse(lines, responses=make_pairs(make_table(lines)), smiles=SMILES, **options)
    model.train(**(train or {}))
    return model


def make_tumour(lines: ad.AnnData, n_cells: int = 60, depth: int = 3000, seed: int = 2) -> ad.AnnData:
    """Counts of cells of the first three lines, two donors; `obs["clone"]` is the line."""
    rng = np.random.default_rng(seed)
    linear = np.expm1(lines.X[:3].astype(float))
    share = linear / linear.sum(1, keepdims=True)
    clone = np.repeat(np.arange(3), n_cells)
    counts = np.array([rng.multinomial(depth, share[c]) for c in clone], np.float32)
    cells = ad.AnnData(counts, var=lines.var[[]].copy())
    cells.obs_names = [f"c{i}" for i in range(len(clone))]
    cells.obs["clone"] = pd.Categorical([f"L{c}" for c in clone])
    cells.obs["patient"] = np.array(["p1", "p2"])[np.arange(len(clone)) % 2]
    return cells

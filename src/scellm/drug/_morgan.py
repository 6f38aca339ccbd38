"""Circular fingerprints of molecules, and their similarity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scellm.drug._rdkit import rdkit, read_smiles


def morgan_fingerprints(smiles: pd.Series, *, bits: int = 2048, radius: int = 2) -> np.ndarray:
    """Morgan fingerprints (Rogers and Hahn 2010, doi:10.1021/ci100050t), by RDKit.

    Parameters
    ----------
    smiles
        SMILES, indexed by drug.
    bits
        Length.
    radius
        Bonds around each atom.

    Returns
    -------
    numpy.ndarray
        float32 of 0 and 1, (drugs, bits).

    Raises
    ------
    ImportError
        If RDKit is not installed.
    ValueError
        If a text is no SMILES; the message names the drug.
    """
    make = rdkit("Chem.rdFingerprintGenerator").GetMorganGenerator(radius=radius, fpSize=bits)
    rows = [make.GetFingerprintAsNumPy(read_smiles(text, str(drug))) for drug, text in smiles.items()]
    return np.array(rows, np.float32).reshape(len(smiles), bits)


def tanimoto(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of fingerprints of 0 and 1: shared bits per bits of either, (rows of a, rows of b)."""
    shared = a.astype(np.float64) @ b.astype(np.float64).T
    either = a.sum(1, dtype=np.float64)[:, None] + b.sum(1, dtype=np.float64)[None] - shared
    return shared / np.maximum(either, 1.0)

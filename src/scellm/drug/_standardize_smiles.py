"""One text for one molecule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from scellm.drug._rdkit import rdkit, read_smiles

_NO_METAL = frozenset("H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Sb Te I Xe At Rn".split())  # noqa: SIM905
# Others are metals: their complexes must not be taken apart.
_COUNTER_IONS = frozenset(("Na", "K", "Ca", "Mg"))  # metals too, but alone they belong to a salt


def standardize_smiles(smiles: pd.Series) -> pd.Series:
    """Standardise SMILES, so that one molecule has one text.

    Salts lose their counter-ion and charges are neutralised, as in RDKit's `MolStandardize` (Cleanup, LargestFragment,
    Uncharger, canonical SMILES). A molecule with a metal other than a lone sodium, potassium, calcium or magnesium ion
    is only written canonically: of cisplatin, the largest fragment would be ammonia.

    Parameters
    ----------
    smiles
        SMILES, indexed by drug.

    Returns
    -------
    pandas.Series
        Canonical SMILES, with the same index.

    Raises
    ------
    ImportError
        If RDKit is not installed (`pip install 'scellm[drug]'`).
    ValueError
        If some are no SMILES; the message names the drugs.

    Examples
    --------
    >>> scellm.drug.standardize_smiles(pd.Series({"aspirin": "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]"}))["aspirin"]
    'CC(=O)Oc1ccccc1C(=O)O'
    """
    rdkit("Chem")
    smiles = smiles_of(smiles)
    found, wrong = [], []
    for drug, text in smiles.items():
        try:
            found.append(_standard(text, str(drug)))
        except ValueError:
            wrong.append((str(drug), text))
    if wrong:
        msg = (
            f"{len(wrong):,} of {len(smiles):,} SMILES cannot be read, such as those of "
            f"{[name for name, _ in wrong[:5]]} ({wrong[0][1]!r}). Correct them, or leave these drugs out."
        )
        raise ValueError(msg)
    return pd.Series(found, index=smiles.index, dtype=object)


def smiles_of(smiles: Any) -> pd.Series:
    """SMILES indexed by drug, from a Series, a mapping, or a table with one column; raises TypeError for others."""
    if isinstance(smiles, pd.DataFrame) and smiles.shape[1] == 1:
        return smiles.iloc[:, 0]
    if isinstance(smiles, Mapping):
        return pd.Series(dict(smiles), dtype=object)
    if isinstance(smiles, pd.Series):
        return smiles
    msg = f"smiles must be a Series of SMILES, indexed by drug; found {type(smiles).__name__}."
    raise TypeError(msg)


def _standard(smiles: object, drug: str) -> str:
    chem, standard = rdkit("Chem"), rdkit("Chem.MolStandardize.rdMolStandardize")
    molecule = read_smiles(smiles, drug)
    if not any(_is_metal(atom) for atom in molecule.GetAtoms()):
        molecule = standard.Cleanup(molecule)
        molecule = standard.LargestFragmentChooser().choose(molecule)
        molecule = standard.Uncharger().uncharge(molecule)
    return chem.MolToSmiles(molecule)


def _is_metal(atom: Any) -> bool:
    """Whether an atom is part of a complex; sodium and its like alone are the counter-ion of a salt."""
    return atom.GetSymbol() not in _NO_METAL and not (atom.GetSymbol() in _COUNTER_IONS and not atom.GetDegree())

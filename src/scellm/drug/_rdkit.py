"""RDKit, or a sentence that says how to install it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def rdkit(module: str) -> Any:
    """A module of RDKit, such as "Chem".

    Raises
    ------
    ImportError
        If RDKit is not installed; the message names the extra.
    """
    try:
        found = import_module(f"rdkit.{module}")
    except ImportError as error:
        msg = "Molecules are read with RDKit, which is not installed: pip install 'scellm[drug]'."
        raise ImportError(msg) from error
    import_module("rdkit.RDLogger").DisableLog("rdApp.*")  # our message names the drug, RDKit's only the character
    return found


def read_smiles(smiles: object, drug: str) -> Any:
    """An RDKit molecule; raises ValueError that names the drug if the text is no SMILES."""
    chem = rdkit("Chem")
    text = smiles.strip() if isinstance(smiles, str) else ""
    molecule = chem.MolFromSmiles(text) if text else None
    if molecule is None or not molecule.GetNumAtoms():
        msg = f"The SMILES of {drug!r} cannot be read: {smiles!r}. Correct it, or leave the drug out."
        raise ValueError(msg)
    return molecule

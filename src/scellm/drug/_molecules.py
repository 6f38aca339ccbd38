"""Molecules as graphs, packed one after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scellm.drug._rdkit import rdkit, read_smiles

SYMBOLS = tuple(
    (  # noqa: SIM905  one symbol a line would fill a page
        "C N O S F Si P Cl Br Mg Na Ca Fe As Al I B V K Tl Yb Sb Sn Ag Pd Co Se Ti Zn H Li Ge Cu Au Ni Cd In Mn Zr Cr "
        "Pt Hg Pb"
    ).split()
)
_HYBRIDS = ("SP", "SP2", "SP3", "SP3D", "SP3D2")
N_ATOM_FEATURES = len(SYMBOLS) + 11 + 7 + 2 + len(_HYBRIDS) + 1 + 5 + 1 + 2
"""77, as in TGSA: symbol 43, degree 11, implicit valence 7, charge, radical electrons, hybridisation 5, aromatic,
hydrogens 5, in a ring, chirality 2."""


@dataclass(frozen=True)
class Molecules:
    """Atoms and bonds of several molecules.

    Parameters
    ----------
    atoms
        Features, float32, (atoms, 77).
    source, target
        Atoms at the ends of each bond, both directions, int64, (2 * bonds,).
    offsets
        First atom of each molecule, and the end of the last, int64, (molecules + 1,).
    """

    atoms: np.ndarray
    source: np.ndarray
    target: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, smiles: pd.Series) -> Molecules:
        """Read SMILES, indexed by drug; raises ValueError that names the drug if one cannot be read."""
        rdkit("Chem")
        parts = [_graph(read_smiles(text, str(drug))) for drug, text in smiles.items()]
        sizes = np.array([len(atoms) for atoms, _ in parts], np.int64)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        none = np.zeros((0, N_ATOM_FEATURES), np.float32)
        atoms = np.concatenate([none, *[a for a, _ in parts]])
        bonds = [b + start for (_, b), start in zip(parts, offsets[:-1], strict=True)]
        joined = np.concatenate([np.zeros((0, 2), np.int64), *bonds])
        return cls(
            atoms.astype(np.float32),
            np.concatenate([joined[:, 0], joined[:, 1]]),
            np.concatenate([joined[:, 1], joined[:, 0]]),
            offsets,
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1


def _graph(molecule: object) -> tuple[np.ndarray, np.ndarray]:
    """Features of the atoms, and pairs of bonded atoms, (bonds, 2)."""
    atoms = np.array([_atom(a) for a in molecule.GetAtoms()], np.float32)  # type: ignore[attr-defined]
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in molecule.GetBonds()]  # type: ignore[attr-defined]
    return atoms, np.array(bonds, np.int64).reshape(-1, 2)


def _atom(atom: object) -> list[float]:
    """The 77 features of TGSA's drug encoder (method.md 4.3): a value outside of a list is all zeros."""
    a: object = atom
    get = lambda name: getattr(a, name)()
    chirality = a.GetProp("_CIPCode") if a.HasProp("_CIPCode") else ""  # type: ignore[attr-defined]
    valence = rdkit("Chem").ValenceType.IMPLICIT
    return [
        *_one_hot(get("GetSymbol"), SYMBOLS),
        *_one_hot(get("GetDegree"), range(11)),
        *_one_hot(a.GetValence(valence), range(7)),  # type: ignore[attr-defined]
        float(get("GetFormalCharge")),
        float(get("GetNumRadicalElectrons")),
        *_one_hot(str(get("GetHybridization")), _HYBRIDS),
        float(get("GetIsAromatic")),
        *_one_hot(get("GetTotalNumHs"), range(5)),
        float(get("IsInRing")),
        *_one_hot(chirality, ("R", "S")),
    ]


def _one_hot(value: object, known: object) -> list[float]:
    return [float(value == k) for k in known]  # type: ignore[attr-defined]

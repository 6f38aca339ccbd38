"""What heads read of a drug: its molecule, its fingerprint, or its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from scellm._options import one_of
from scellm.drug import Molecules, morgan_fingerprints, tanimoto
from scellm.nn._response_network import DrugInput, PackedMolecules

DRUG_ENCODERS = ("onehot", "morgan", "graph")
_BITS, _POWER = 2048, 3


@dataclass(frozen=True)
class DrugFeatures:
    """The drugs that were learned, and how drugs are read.

    Parameters
    ----------
    kind
        "onehot": by name; "morgan": by fingerprint; "graph": by atoms and bonds.
    smiles
        Standard SMILES of the known drugs, "" if not known; indexed by drug.
    synonyms
        Other names of known drugs.
    """

    kind: str
    smiles: pd.Series
    synonyms: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("drug_encoder", self.kind, DRUG_ENCODERS)

    def width(self, head: str) -> int:
        """Dimensions of a drug's features for a head; 0 for molecules."""
        if head == "solved" or self.kind == "onehot":
            return len(self.smiles)
        return _BITS if self.kind == "morgan" else 0

    def require_smiles(self) -> None:
        """Raise ValueError if a molecule is needed and not known."""
        lacking = self.smiles.index[self.smiles == ""]
        if self.kind != "onehot" and len(lacking):
            msg = (
                f"{len(lacking):,} of {len(self.smiles):,} drugs have no SMILES, such as {list(lacking[:5])}. Pass "
                "them in smiles=, leave these drugs out, or pass drug_encoder='onehot', which knows drugs by name."
            )
            raise ValueError(msg)

    def known(self, head: str) -> DrugInput:
        """All known drugs as a head reads them."""
        if head == "solved" or self.kind == "onehot":
            return torch.eye(len(self.smiles))
        return self._all

    @cached_property
    def _all(self) -> DrugInput:
        """All known drugs, read once."""
        return self._read(self.smiles)

    def of(self, smiles: pd.Series) -> DrugInput:
        """Unseen drugs as a network reads them."""
        return self._read(smiles)

    def _read(self, smiles: pd.Series) -> DrugInput:
        if self.kind == "morgan":
            return torch.from_numpy(morgan_fingerprints(smiles, bits=_BITS))
        found = Molecules.of(smiles)
        molecule = np.repeat(np.arange(len(found)), np.diff(found.offsets))
        atoms, source, target, of = (torch.from_numpy(p) for p in (found.atoms, found.source, found.target, molecule))
        return PackedMolecules(atoms, source, target, of, len(found))

    def shares(self, smiles: pd.Series) -> np.ndarray:
        """Unseen drugs as mixtures of known ones, by the third power of their similarity, (drugs, known drugs)."""
        similar = tanimoto(morgan_fingerprints(smiles), morgan_fingerprints(self.smiles)) ** _POWER
        total = similar.sum(1, keepdims=True)
        even = np.full_like(similar, 1 / similar.shape[1])
        return np.where(total > 0, similar / np.where(total > 0, total, 1.0), even)

    def places(self, drugs: Sequence[str]) -> np.ndarray:
        """Where each drug stands among the known ones, by any of its names; -1 if it was not learned."""
        names = [str(drug).strip() for drug in drugs]
        return self.smiles.index.get_indexer(pd.Index([self.synonyms.get(n, n) for n in names], dtype=object))

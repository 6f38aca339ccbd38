"""Drug tower and head of drug response in one module."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from scellm.nn._additive_response import AdditiveResponse
from scellm.nn._deepcdr_response import DeepCDRResponse
from scellm.nn._joint_response import JointResponse
from scellm.nn._molecule_encoder import MoleculeEncoder
from scellm.nn._solved_response import SolvedResponse

RESPONSE_HEADS: dict[str, type[nn.Module]] = {
    "solved": SolvedResponse,
    "additive": AdditiveResponse,
    "paper": JointResponse,
    "deepcdr": DeepCDRResponse,
}
"""Heads by name. To add one, write a file with its module and list it here."""


class PackedMolecules(NamedTuple):
    """Molecules as tensors: features of atoms, ends of bonds, molecule of each atom, number of molecules."""

    atoms: Float[Tensor, "atoms features"]
    source: Int[Tensor, " bonds"]
    target: Int[Tensor, " bonds"]
    molecule: Int[Tensor, " atoms"]
    n_molecules: int

    def to(self, device: torch.device | str) -> PackedMolecules:
        """Move to another device."""
        atoms, source, target, molecule = (x.to(device) for x in self[:4])
        return PackedMolecules(atoms, source, target, molecule, self.n_molecules)


DrugInput = Tensor | PackedMolecules


class ResponseNetwork(nn.Module):
    """Responses of lines to drugs.

    Parameters
    ----------
    head
        A key of `RESPONSE_HEADS`.
    line_width
        Dimensions of a line's features.
    drug_width
        Dimensions of a drug's features; 0 for molecules, which are encoded.
    """

    def __init__(self, head: str, line_width: int, drug_width: int) -> None:
        super().__init__()
        self.molecules = None if drug_width else MoleculeEncoder()
        width = drug_width if self.molecules is None else self.molecules.out_features
        self.head = RESPONSE_HEADS[head](line_width, width)

    def read(self, drugs: DrugInput) -> Float[Tensor, "drugs drug_width"]:
        """Features of drugs."""
        if isinstance(drugs, Tensor):
            return drugs
        if self.molecules is None:
            msg = "This network reads features of drugs, not molecules."
            raise ValueError(msg)
        return self.molecules(*drugs)

    def forward(self, lines: Float[Tensor, "lines line_width"], drugs: DrugInput) -> Float[Tensor, "lines drugs"]:
        """Responses of all lines to all drugs."""
        return self.head(lines, self.read(drugs))

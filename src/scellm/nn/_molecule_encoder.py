"""A graph isomorphism network over the atoms of molecules, in plain torch."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class MoleculeEncoder(nn.Module):
    """Vectors of molecules: TGSA's drug encoder (Zhu et al. 2022, doi:10.1093/bioinformatics/btab650), as in CellLM.

    Each layer adds an atom's neighbours to the atom (GIN, Xu et al. 2019, arXiv:1810.00826, with epsilon 0), and
    applies two linear layers, ReLU, and batch normalisation. The layers' outputs are joined (jumping knowledge), and a
    molecule is the maximum over its atoms.

    Parameters
    ----------
    n_features
        Features of an atom.
    width
        Width of a layer.
    depth
        Number of layers.
    """

    def __init__(self, n_features: int = 77, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        sizes = [n_features] + [width] * (depth - 1)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(n, width), nn.ReLU(), nn.Linear(width, width)) for n in sizes
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in sizes)
        self.out_features = width * depth

    def forward(
        self,
        atoms: Float[Tensor, "atoms features"],
        source: Int[Tensor, " bonds"],
        target: Int[Tensor, " bonds"],
        molecule: Int[Tensor, " atoms"],
        n_molecules: int,
    ) -> Float[Tensor, "molecules out"]:
        """Encode molecules.

        Parameters
        ----------
        atoms
            Features.
        source, target
            Atoms at the ends of each bond, both directions.
        molecule
            Which molecule each atom belongs to, int64.
        n_molecules
            Number of molecules; each has at least one atom.

        Returns
        -------
        torch.Tensor
            (molecules, depth * width).
        """
        parts, x = [], atoms
        for layer, norm in zip(self.layers, self.norms, strict=True):
            summed = x.index_add(0, target, x[source])  # (atoms, width): the atom and its neighbours
            x = norm(torch.relu(layer(summed)))
            parts.append(x)
        joined = torch.cat(parts, dim=1)  # (atoms, depth * width)
        index = molecule[:, None].expand_as(joined)
        empty = joined.new_full((n_molecules, joined.shape[1]), -torch.inf)
        return empty.scatter_reduce(0, index, joined, "amax")

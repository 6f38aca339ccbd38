"""What one pretraining step computes: which views of the batch, with which losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scellm.data._random import draw_key
from scellm.data._tokens import Tokens
from scellm.nn._module import CellLMModule
from scellm.train._divide import Unit
from scellm.train._masked import mask, masked_loss
from scellm.train._origin import origin_loss
from scellm.train._recipe import Recipe


@dataclass(frozen=True)
class Pass:
    """The whole batch in one view.

    Parameters
    ----------
    tokens
        The cells.
    vectors
        Whether their vectors enter the contrastive loss.
    origin
        Labels of the origin objective, int64, (cells,); `None` if it is not read off this pass.
    """

    tokens: Tokens
    vectors: bool
    origin: Tensor | None = None


def make_passes(
    recipe: Recipe, first: Tokens, second: Tokens, origin: Tensor | None, mask_id: int, key: int
) -> list[Pass]:
    """The passes of a step; those with `vectors` come first.

    Parameters
    ----------
    recipe
        Which objectives, and whether masked inputs are shared with the contrastive one.
    first, second
        Two views of the same cells.
    origin
        1 tumour, 0 normal, -1 unlabelled; `None` where none was registered.
    mask_id
        The bin that stands for [MASK].
    key
        Of the draw of masked genes.

    Returns
    -------
    list of Pass
        Origin is read off the first.
    """
    origin = origin if "origin" in recipe.objectives else None
    masked = None
    if "masked" in recipe.objectives:
        masked = mask(first, mask_id, torch.Generator().manual_seed(key), recipe.mask_rate, recipe.mask_keep)
    passes = []
    if recipe.contrastive:
        shared = masked if recipe.masked_inputs == "shared" and masked is not None else first
        passes.append(Pass(shared, vectors=True))
        if recipe.contrast != "moco":
            passes.append(Pass(second, vectors=True))
    if masked is not None and not (passes and passes[0].tokens is masked):
        passes.append(Pass(masked, vectors=False))
    if not passes:
        passes.append(Pass(first, vectors=False))
    if origin is not None and bool((origin >= 0).any()):
        passes[0] = Pass(passes[0].tokens, passes[0].vectors, origin)
    return passes


def make_units(passes: list[Pass], chunk_tokens: int, max_padding: float, seed: int, step: int) -> list[Unit]:
    """Cut every pass into chunks, each with a seed of its own from the run's seed, the step, the pass and its place."""
    units: list[Unit] = []
    for view, one in enumerate(passes):
        lengths = one.tokens.lengths + 1
        for cells in one.tokens.cut(chunk_tokens, max_padding):
            key = draw_key(seed, step, (view << 32) + len(units)) >> 1  # torch seeds are signed
            units.append(Unit(view, cells, key, int(lengths[cells].max()) * len(cells)))
    return units


class Losses:
    """Computes units, and sums up each objective's own loss; a mean over the whole batch whatever the cut.

    Parameters
    ----------
    module
        The model.
    passes
        The views of the batch.
    """

    def __init__(self, module: CellLMModule, passes: list[Pass]) -> None:
        self.module, self.passes = module, passes
        self.asked = sum(int((p.tokens.target >= 0).sum()) for p in passes if p.tokens.target is not None)
        self.labelled = sum(int((p.origin >= 0).sum()) for p in passes if p.origin is not None)
        self.sums: dict[str, float] = {}

    def __call__(self, unit: Unit) -> tuple[Tensor | None, Tensor]:
        """Vectors and own losses of a unit."""
        one = self.passes[unit.view]
        cells = self.module.pad(one.tokens.select(unit.cells))
        hidden = self.module.encoder(cells)  # (b, n, d)
        own = hidden.new_zeros((), dtype=self.module.masked_head.weight.dtype)
        if cells.target is not None and self.asked:
            own = own + self._add("masked", masked_loss(self.module, hidden, cells) / self.asked, unit)
        if one.origin is not None and self.labelled:
            origin = one.origin[unit.cells].to(hidden.device)
            own = own + self._add("origin", origin_loss(self.module, hidden, origin) / self.labelled, unit)
        return (self.module.contrasted(self.module.pooling(hidden, cells)) if one.vectors else None), own

    def _add(self, name: str, loss: Tensor, unit: Unit) -> Tensor:
        if torch.is_grad_enabled():  # once a unit: the pass whose gradient counts
            self.sums[name] = self.sums.get(name, 0.0) + float(loss.detach())
        return loss

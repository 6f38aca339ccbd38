"""The computation of one pretraining step: the views of the batch, with the losses of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scellm._random import draw_key
from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.train._gradient_cache import Chunk
from scellm.train.objectives import CellObjective, TokenObjective


@dataclass(frozen=True)
class BatchView:
    """The whole batch in one view.

    Parameters
    ----------
    tokens
        The cells.
    contrastive
        Whether their embeddings enter the loss over the batch.
    objectives
        The losses on tokens that are computed on it.
    cell_objectives
        The losses on cell embeddings that are computed on it.
    target
        The other view of the same cells with counts, for these.
    """

    tokens: Tokens
    contrastive: bool
    objectives: tuple[TokenObjective, ...] = ()
    cell_objectives: tuple[CellObjective, ...] = ()
    target: Tokens | None = None


def make_views(
    objectives: Sequence[TokenObjective],
    views: Sequence[Tokens],
    n_contrastive: int,
    *,
    share_masks: bool,
    mask_id: int,
    key: int,
    cell_objectives: Sequence[CellObjective] = (),
    target: Tokens | None = None,
) -> list[BatchView]:
    """The views of a step.

    Parameters
    ----------
    objectives
        The losses that are sums over chunks. Those that change their input share one view.
    views
        Two views of the same cells.
    n_contrastive
        Number of views that enter the loss over the batch; 0 to 2.
    share_masks
        Whether the first contrastive view is the changed one, which saves a pass.
    mask_id
        The bin id of [MASK].
    key
        Seed of masking.
    cell_objectives
        The losses on cell embeddings; they read the first view, which is not changed for them.
    target
        The second view with counts, for these.

    Returns
    -------
    list of BatchView
        Objectives that do not change their input read the first.
    """
    changing = tuple(o for o in objectives if o.changes_input)
    reading = tuple(o for o in objectives if not o.changes_input)
    first = views[0]
    changed = _changed(changing, first, mask_id, key)
    shared = bool(changing) and share_masks and n_contrastive > 0 and not cell_objectives
    made = [(changed if shared else first, True)] if n_contrastive else []
    made += [(view, True) for view in views[1:n_contrastive]]
    if not made and (cell_objectives or not changing):
        made.append((first, False))
    if changing and not shared:
        made.append((changed, False))
    own = lambda tokens: changing if tokens is changed else ()
    return [
        BatchView(
            tokens,
            contrastive,
            own(tokens) + (reading if at == 0 else ()),
            tuple(cell_objectives) if at == 0 else (),
            target if at == 0 else None,
        )
        for at, (tokens, contrastive) in enumerate(made)
    ]


def _changed(objectives: Sequence[TokenObjective], tokens: Tokens, mask_id: int, key: int) -> Tokens:
    """The tokens after every objective has changed them."""
    generator = torch.Generator().manual_seed(key)
    for objective in objectives:
        tokens = objective.inputs(tokens, mask_id, generator)
    return tokens


def make_chunks(views: Sequence[BatchView], chunk_tokens: int, max_padding: float, seed: int, step: int) -> list[Chunk]:
    """Cut every view into chunks, each with a seed of its own from run, step, view and position."""
    chunks: list[Chunk] = []
    for at, view in enumerate(views):
        lengths = view.tokens.lengths + 1
        for cells in view.tokens.cut(chunk_tokens, max_padding):
            key = draw_key(seed, step, (at << 32) + len(chunks)) >> 1  # torch seeds are signed
            chunks.append(Chunk(at, cells, key, int(lengths[cells].max()) * len(cells), view.contrastive))
    return chunks


class ChunkForward:
    """Computes chunks, and sums each objective's loss: a mean over the whole batch, however it is cut.

    Parameters
    ----------
    module
        The model.
    views
        The views of the batch.
    labels
        Label columns of the batch by name, int64, (cells,).
    """

    def __init__(
        self, module: CellLMModule, views: Sequence[BatchView], labels: Mapping[str, Tensor] | None = None
    ) -> None:
        self.module, self.views, self.labels = module, views, labels or {}
        self.counts = {o.name: o.count(v.tokens, self._labels_of(o)) for v in views for o in v.objectives}
        for view in views:
            if view.target is not None:
                self.counts |= {o.name: o.count(view.target) for o in view.cell_objectives}
        self.sums: dict[str, float] = {}

    def __call__(self, chunk: Chunk) -> tuple[Tensor | None, Tensor]:
        """Embeddings and other losses of a chunk."""
        view, encoder = self.views[chunk.view], self.module.cell_encoder
        cells = encoder.pad(view.tokens.select(chunk.cells))
        hidden = encoder.encoder(cells)  # (b, n, d)
        local = hidden.new_zeros((), dtype=encoder.encoder.norm.weight.dtype)
        for objective in view.objectives:
            count = self.counts[objective.name]
            if count:
                labels = self._labels_of(objective)
                own = None if labels is None else labels[chunk.cells].to(hidden.device)
                loss = objective.loss(self.module.heads[objective.name], hidden, cells, own) / count
                local = local + self._add(objective.name, loss)
        if not view.contrastive and not view.cell_objectives:
            return None, local
        embeddings = self.module.project(encoder.pooling(hidden, cells))  # (b, d)
        if view.target is not None:
            target = view.target.select(chunk.cells).to(hidden.device)
            for cell_objective in view.cell_objectives:
                count = self.counts[cell_objective.name]
                if count:
                    loss = cell_objective.loss(self.module, embeddings, target, chunk.cells) / count
                    local = local + self._add(cell_objective.name, loss)
        return embeddings if view.contrastive else None, local

    def _labels_of(self, objective: TokenObjective) -> Tensor | None:
        return None if objective.label is None else self.labels.get(objective.label)

    def _add(self, name: str, loss: Tensor) -> Tensor:
        if torch.is_grad_enabled():  # once per chunk: in the pass that computes the gradient
            self.sums[name] = self.sums.get(name, 0.0) + float(loss.detach())
        return loss

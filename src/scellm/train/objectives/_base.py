"""Base classes of pretraining objectives. To add one, write a file with a subclass and list it in `OBJECTIVES`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from scellm._tokens import Padded, Tokens
from scellm.module import CellLMModule
from scellm.nn import Config

Labels = Int[Tensor, " cells"] | None


class TokenObjective(ABC):
    """A loss that is a sum over cells or genes, divided by their number in the whole batch.

    The sums of the chunks can be added, so it needs no embeddings of other cells.
    """

    name: ClassVar[str]
    """Name in `objectives=`, of its head, and of its curve in the history."""

    label: ClassVar[str | None] = None
    """Label column of a batch that it reads; `None` for none."""

    changes_input: ClassVar[bool] = False
    """Whether it needs tokens of its own, made by :meth:`inputs`."""

    @classmethod
    @abstractmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Make the objective from the fields of a :class:`scellm.train.PretrainingConfig`."""

    @staticmethod
    @abstractmethod
    def make_head(config: Config) -> nn.Module:
        """Make its head for a model of this shape."""

    def unavailable(self, labelled: Mapping[str, int], config: Config) -> str | None:
        """Why the objective cannot be used, or `None` if it can.

        Parameters
        ----------
        labelled
            For each label column, how many cells have a label.
        config
            The shape of the model.

        Returns
        -------
        str or None
            The reason, for a message.
        """
        return None if self.label is None or labelled.get(self.label) else f"no cell has a label in {self.label!r}"

    def inputs(self, tokens: Tokens, mask_id: int, generator: torch.Generator) -> Tokens:
        """Change the tokens of a batch, such as to mask some; by default they are unchanged.

        Parameters
        ----------
        tokens
            The cells.
        mask_id
            The bin id of [MASK].
        generator
            Source of random numbers, on the CPU.

        Returns
        -------
        Tokens
            The same cells.
        """
        return tokens

    @abstractmethod
    def count(self, tokens: Tokens, labels: Labels) -> int:
        """Divisor of the loss: number of masked genes, or of labelled cells, in the whole batch."""

    @abstractmethod
    def loss(
        self, head: nn.Module, hidden: Float[Tensor, "cells length dim"], cells: Padded, labels: Labels
    ) -> Float[Tensor, ""]:
        """Sum over a chunk.

        Parameters
        ----------
        head
            The output of :meth:`make_head`.
        hidden
            Vectors of the tokens; [CLS] is the first of each cell.
        cells
            The tokens.
        labels
            Codes, (cells,); -1 for a cell without label.

        Returns
        -------
        torch.Tensor
            A scalar, float32 or float64.
        """


class CellObjective(ABC):
    """A loss that is a sum over cells, of the embedding of the first view and the counts of the second.

    The sums of the chunks can be added, so it needs no embeddings of other cells.
    """

    name: ClassVar[str]
    """Name in `objectives=`, of its head, and of its curve in the history."""

    view: ClassVar[str]
    """Name of the view that it needs."""

    @classmethod
    @abstractmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Make the objective from the fields of a :class:`scellm.train.PretrainingConfig`."""

    @staticmethod
    @abstractmethod
    def make_head(config: Config) -> nn.Module:
        """Make its head for a model of this shape."""

    def unavailable(self, module: CellLMModule) -> str | None:
        """Why the objective cannot be used with a model, or `None` if it can."""
        return None

    def initialize(self, module: CellLMModule, tokens: Tokens) -> None:  # noqa: B027  most have nothing to set
        """Set the head from training cells, once before pretraining; by default nothing."""

    def before_step(self, first: Tokens, groups: Mapping[str, Tensor]) -> None:  # noqa: B027  as above
        """Prepare a step from the first views of the whole batch; by default nothing.

        Parameters
        ----------
        first
            The first views; `first.target` holds their counts.
        groups
            As for :meth:`BatchObjective.before_step`.
        """

    @abstractmethod
    def count(self, target: Tokens) -> int:
        """Divisor of the loss: number of cells that count, in the whole batch."""

    @abstractmethod
    def loss(
        self,
        module: CellLMModule,
        embeddings: Float[Tensor, "cells dim"],
        target: Tokens,
        cells: Int[Tensor, " cells"],
    ) -> Float[Tensor, ""]:
        """Sum over a chunk.

        Parameters
        ----------
        module
            The model, with the head.
        embeddings
            Learned dimensions of the first views, through the projection head if there is one.
        target
            The second views of the same cells; `target.target` holds their counts.
        cells
            Indices of the cells in the batch.

        Returns
        -------
        torch.Tensor
            A scalar, float32 or float64.
        """


class BatchObjective(nn.Module, ABC):
    """A loss that needs the embeddings of every cell of the batch; its gradient goes through the gradient cache."""

    name: ClassVar[str]
    """Name in `objectives=`, and of its curve in the history."""

    n_views: ClassVar[int] = 2
    """Number of views of a cell that it embeds."""

    @classmethod
    @abstractmethod
    def of(cls, options: Mapping[str, Any], module: CellLMModule, seed: int) -> Self:
        """Make the objective from the fields of a :class:`scellm.train.PretrainingConfig`.

        Parameters
        ----------
        options
            The fields.
        module
            The model that is trained.
        seed
            Seed of the run.

        Returns
        -------
        BatchObjective
            The objective; its state is part of a checkpoint.
        """

    def before_step(self, second: Tokens, groups: Mapping[str, Tensor], chunk_tokens: int, seed: int) -> None:
        """Prepare a step; by default nothing.

        Parameters
        ----------
        second
            The second views of the batch.
        groups
            The batch, with the numbers of each cell's source and cluster, int64, (cells,), under "source" and
            "cluster", if the run has them.
        chunk_tokens
            Tokens per chunk.
        seed
            Seed of dropout.
        """

    @abstractmethod
    def loss(self, *embeddings: Float[Tensor, "cells dim"]) -> Float[Tensor, ""]:
        """Mean over the batch, from the embeddings of each view, in the order of the batch."""

    def after_step(self, module: CellLMModule) -> None:
        """Update its state after the weights were updated; by default nothing."""

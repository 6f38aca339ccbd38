"""The processes of a run: which chunks of a step are whose, and the two exchanges of a step."""

from __future__ import annotations

import os
import signal
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor, distributed, nn

from scellm._logging import logger
from scellm.train._gradient_cache import Chunk, Share


@dataclass(frozen=True)
class Processes:
    """The processes that share the steps of a run, of which this is one.

    All see the whole batch and cut it alike; each computes some of the chunks, under the seeds that one process would
    use. So the gradient is that of one process, up to the order of sums.

    Parameters
    ----------
    rank
        Number of this process, from 0.
    size
        Number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def launched(cls) -> Self:
        """The processes that torchrun or Lightning started, by their environment; one without it."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        return cls(int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) if size > 1 else 0, size)

    def leaves_writing(self, what: str) -> bool:
        """Whether another process writes a file that all would write; says so."""
        if self.rank:
            logger.warning("%s: left to the first of %s processes", what, self.size)
        return self.rank > 0

    def share(self, chunks: Sequence[Chunk], like: Tensor) -> Share | None:
        """The chunks of a step that are this process's; `None` if there is one process.

        Parameters
        ----------
        chunks
            All chunks of the step, which are the same in every process.
        like
            An empty tensor with the width, dtype and device of embeddings.
        """
        if self.size == 1:
            return None
        mine = [at for at, owner in enumerate(owners([c.n_tokens for c in chunks], self.size)) if owner == self.rank]
        return Share(frozenset(mine), _sum_in_place, like)

    def joined(self, embeddings: Tensor) -> Tensor:
        """Embeddings of all cells of a batch; the gradient goes to those that were computed here.

        Parameters
        ----------
        embeddings
            Of all cells, 0 where another process computes them, (cells, dim).
        """
        if self.size == 1:
            return embeddings
        whole = embeddings.detach().clone()
        distributed.all_reduce(whole)
        return whole + (embeddings - embeddings.detach())

    def sum_gradients(self, parameters: Iterable[nn.Parameter], values: Mapping[str, float]) -> dict[str, float]:
        """Replace each gradient by the sum over processes, in one exchange; sum other numbers along with them.

        Parameters
        ----------
        parameters
            The same in every process. A parameter that has a gradient in no process gets none.
        values
            Numbers by name, with the same names in every process.

        Returns
        -------
        dict
            The sums of the numbers.
        """
        if self.size == 1:
            return dict(values)
        kept = list(parameters)
        flat = torch.cat([*(_gradient_or_zeros(p) for p in kept), _numbers(kept, values)])
        distributed.all_reduce(flat)
        sizes = [p.numel() for p in kept]
        *sums, present, numbers = flat.split([*sizes, len(kept), len(values)])
        for p, total, n in zip(kept, sums, present.tolist(), strict=True):
            if n:
                p.grad = total.view_as(p).to(p.dtype)
        return dict(zip(values, numbers.tolist(), strict=True))

    def require_same(self, settings: Mapping[str, Any]) -> None:
        """Raise ValueError in every process if the options of a run, or its step, differ between processes."""
        if self.size == 1:
            return
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, dict(settings))
        names = sorted({name for each in found for name in each})
        differ = {name: [each.get(name) for each in found] for name in names}
        differ = {name: values for name, values in differ.items() if any(v != values[0] for v in values)}
        if differ:
            shown = "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in differ.items())
            msg = f"The {self.size} processes of this run differ ({shown}). All need the same data, options and seed. "
            if "seed" in differ:
                msg += "Set scvi.settings.seed = 0 (or another) before the model is made."
            if "first cells" in differ:
                msg += "Every process must read the same file, and all its cells: leave out distributed_sampler. "
            if "weights" in differ:
                msg += "All must see the same checkpoint: put it on a disk that they share. "
            if "step" in differ:
                msg += "All must see the same checkpoint: put it on a disk that they share."
            raise ValueError(msg)

    def require_same_weights(self, module: nn.Module) -> None:
        """Raise ValueError in every process if they start from different weights."""
        if self.size > 1:
            state = (value.detach().cpu().contiguous() for value in module.state_dict().values())
            self.require_same({"weights": zlib.crc32(b"".join(_bytes(value) for value in state))})

    def stop_on_sigterm(self) -> None:
        """Let SIGTERM end this process at once, so that the others see a closed connection and end as well.

        The handler that Lightning installs exchanges a flag with the others, which never ends if one process alone got
        the signal. Lightning puts the handler of before back after the run.
        """
        if self.size > 1 and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _stop)


def owners(sizes: Sequence[int], n: int) -> list[int]:
    """Which of `n` processes computes each chunk: the largest first, each to the one with the least to do."""
    tokens, found = [0] * n, [0] * len(sizes)
    for at in sorted(range(len(sizes)), key=lambda at: -sizes[at]):
        found[at] = min(range(n), key=lambda rank: tokens[rank])
        tokens[found[at]] += sizes[at]
    return found


def _bytes(value: Tensor) -> bytes:
    return value.view(-1).view(torch.uint8).numpy().tobytes()


def _stop(number: int, _: Any) -> None:
    raise SIGTERMException(128 + number)


def _sum_in_place(x: Tensor) -> None:
    distributed.all_reduce(x)


def _gradient_or_zeros(p: nn.Parameter) -> Tensor:
    return torch.zeros_like(p).ravel() if p.grad is None else p.grad.ravel()


def _numbers(parameters: Sequence[nn.Parameter], values: Mapping[str, float]) -> Tensor:
    """Whether each parameter has a gradient here, and the values, (parameters + values,)."""
    found = [float(p.grad is not None) for p in parameters] + list(values.values())
    like = parameters[0]
    return torch.tensor(found, dtype=like.dtype, device=like.device)

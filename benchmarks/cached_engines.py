"""The divided step beside the cached loss of sentence-transformers, on the same encoder, cells and thread.

    pip install sentence-transformers   # not a part of any extra
    python benchmarks/cached_engines.py [cells]

Both compute the contrastive loss of one batch of PBMC in two views, with dropout, and its gradient. sentence-
transformers is given padded genes and bins, as its tokenizers make them; its model takes the padding out before the
encoder, so that padding costs it nothing there. Its mini-batches have as many cells as fit in 8,192 tokens on
average. Times are of the forward and the backward pass, the best of three after a first one. Chunks are the number of
forward passes with a gradient. Gradients are compared in float64 without dropout. `exchanges.py` counts what
processes exchange.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings

import torch
from _cells import tokens_of
from _data import table
from torch import Tensor, nn

import scellm
from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import contrastive_loss, gradient_cache
from scellm.train._batch_views import ChunkForward, make_chunks, make_views
from scellm.train._memory import keep_tokens

N_GENES, CHUNK, TEMPERATURE = 19_225, 8192, 0.05


class Padded(nn.Module):
    """The encoder for sentence-transformers: padded genes and bins in, one embedding a cell out."""

    def __init__(self, module: CellLMModule) -> None:
        super().__init__()
        self.module = module
        self.calls = 0

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embed the cells of a mini-batch."""
        mask = features["attention_mask"].bool()
        self.calls += torch.is_grad_enabled()
        offsets = torch.cat([torch.zeros(1, dtype=torch.long), mask.sum(1).cumsum(0)])
        tokens = Tokens(features["input_ids"][mask], features["bins"][mask], offsets)
        return {"sentence_embedding": self.module.embed(tokens)}


def padded(tokens: Tokens) -> dict[str, Tensor]:
    """Packed tokens as rectangles."""
    mask = torch.arange(int(tokens.lengths.max())) < tokens.lengths[:, None]
    gene, bins = torch.zeros(mask.shape, dtype=torch.long), torch.zeros(mask.shape, dtype=torch.long)
    gene[mask], bins[mask] = tokens.gene.long(), tokens.bin.long()
    return {"input_ids": gene, "bins": bins, "attention_mask": mask.long()}


def ours(module: CellLMModule, tokens: Tokens, keep: float = 0) -> int:
    """The step of this package; returns the number of chunks."""
    options = {"share_masks": False, "mask_id": module.config.n_bins + 1, "key": 0}
    views = make_views((), (tokens, tokens), 2, **options)
    chunks = make_chunks(views, CHUNK, module.cell_encoder.encoder.max_padding, 0, 0)
    loss = lambda first, second: contrastive_loss(first, second, TEMPERATURE)
    gradient_cache(chunks, ChunkForward(module, views), loss, keep_tokens=keep)
    return len(chunks)


def theirs(module: CellLMModule, tokens: Tokens) -> int:
    """The step of sentence-transformers; returns the number of forward passes with a gradient."""
    from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss

    model = nn.Sequential(Padded(module))  # the first of a list of modules, as in its own models
    size = max(int(CHUNK / tokens.lengths.float().mean()), 1)
    loss = CachedMultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE, mini_batch_size=size)
    features = padded(tokens)
    loss([dict(features), dict(features)], torch.arange(tokens.n_cells)).backward()
    return model[0].calls


def timed(step, module: CellLMModule) -> tuple[float, int]:
    """The best of three times after a first one, and what the step returns."""
    seconds = []
    for _ in range(4):
        module.zero_grad(set_to_none=True)
        start = time.perf_counter()
        chunks = step()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:]), chunks


def gradient(step, module: CellLMModule) -> Tensor:
    """The gradient of all weights, as one vector."""
    module.zero_grad(set_to_none=True)
    step()
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])


def main(cells: int) -> None:
    torch.set_num_threads(1)
    tokens = tokens_of("eval/pbmc3k.h5ad", cells)
    torch.manual_seed(0)
    exact = CellLMModule(make_config("mini", N_GENES, dropout=0.0)).double().train()
    few = tokens.select(torch.arange(16))
    one, other = gradient(lambda: ours(exact, few), exact), gradient(lambda: theirs(exact, few), exact)
    apart, largest = float((one - other).abs().max()), float(one.abs().max())
    print(f"float64, 16 cells: largest difference of a gradient {apart:.1e}, largest gradient {largest:.1e}")
    torch.manual_seed(0)
    module = CellLMModule(make_config("mini", N_GENES)).train()
    usual = keep_tokens(module.config, torch.device("cpu"), "auto")
    rows = []
    for name, step in (
        ("sentence-transformers", lambda: theirs(module, tokens)),
        ("scellm, no graph kept", lambda: ours(module, tokens)),
        ("scellm, 2 GiB of graphs kept", lambda: ours(module, tokens, usual)),
        ("scellm, all graphs kept", lambda: ours(module, tokens, float("inf"))),
    ):
        seconds, chunks = timed(step, module)
        rows.append(
            {"engine": name, "s": seconds, "of theirs": seconds / (rows[0]["s"] if rows else seconds), "chunks": chunks}
        )
        print(rows[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of libraries about their own code
    scellm.settings.verbosity = logging.ERROR
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 64)

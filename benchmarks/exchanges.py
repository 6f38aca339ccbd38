"""Exchanges between two processes in a divided step, by sentence-transformers under DDP and by this package.

    pip install sentence-transformers   # not a part of any extra
    python benchmarks/exchanges.py [cells]

Both compute the contrastive loss of one batch of PBMC in two views on `mini`, half of the cells in each of two gloo
processes, with embeddings gathered. Counted in the first process: rounds in which gradients are exchanged (a comm
hook of DDP; the sums of this package), and calls that exchange embeddings.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import torch
from _cells import tokens_of
from _data import table
from cached_engines import CHUNK, N_GENES, TEMPERATURE, Padded, padded
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import scellm
from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import contrastive_loss, gradient_cache
from scellm.train._batch_views import ChunkForward, make_chunks, make_views
from scellm.train._gradient_cache import Share
from scellm.train._processes import Processes, owners

CALLS = (
    "all_reduce",
    "all_gather",
    "all_gather_into_tensor",
    "all_to_all",
    "all_to_all_single",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "broadcast",
)


def counted(found: Counter) -> None:
    """Count calls of torch.distributed from now on; those that DDP makes by itself are not among them."""
    for name in CALLS:
        plain = getattr(dist, name)

        def call(*args, plain=plain, name=name, **kwargs):
            found[name] += 1
            return plain(*args, **kwargs)

        setattr(dist, name, call)


def theirs(module: CellLMModule, tokens: Tokens, found: Counter) -> None:
    """The step of sentence-transformers under DDP, as its trainer wraps it."""
    from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss

    model = nn.Sequential(Padded(module))
    options = {"mini_batch_num_tokens": CHUNK, "gather_across_devices": True}
    loss = CachedMultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE, **options)
    loss.model = DistributedDataParallel(model, find_unused_parameters=True)

    def hook(state, bucket):
        found["gradients"] += bucket.is_last()
        done = dist.distributed_c10d._get_default_group().allreduce([bucket.buffer()]).get_future()
        return done.then(lambda f: f.value()[0] / dist.get_world_size())

    loss.model.register_comm_hook(None, hook)
    features = padded(tokens)
    loss([dict(features), dict(features)], torch.arange(tokens.n_cells)).backward()
    found["chunks"] = model[0].calls


def ours(module: CellLMModule, tokens: Tokens, found: Counter) -> None:
    """The step of this package, on the chunks of all cells."""
    here = Processes(dist.get_rank(), dist.get_world_size())
    encoder = module.cell_encoder
    views = make_views((), (tokens, tokens), 2, share_masks=False, mask_id=module.config.n_bins + 1, key=0)
    chunks = make_chunks(views, CHUNK, encoder.encoder.max_padding, 0, 0)
    of = owners([c.n_tokens for c in chunks], here.size)
    mine = frozenset(at for at, owner in enumerate(of) if owner == here.rank)
    loss = lambda first, second: contrastive_loss(first, second, TEMPERATURE)
    share = Share(mine, lambda x: dist.all_reduce(x), encoder.no_embeddings())
    gradient_cache(chunks, ChunkForward(module, views), loss, share=share)
    found["embeddings, as sums"] = found.pop("all_reduce", 0)
    here.sum_gradients([p for p in module.parameters() if p.requires_grad], {})
    found["gradients"], found["chunks"] = found.pop("all_reduce", 0), len(mine)


def process(rank: int, file: str, cells: int, whose: str) -> None:
    """One of two processes; the first prints what it counted."""
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    torch.set_num_threads(1)
    tokens = tokens_of("eval/pbmc3k.h5ad", cells)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    torch.manual_seed(0)
    module, found = CellLMModule(make_config("mini", N_GENES)).train(), Counter()
    counted(found)
    if whose == "scellm":
        ours(module, tokens, found)
    else:
        half = torch.arange(rank, tokens.n_cells, 2)
        theirs(module, tokens.select(half), found)
    if rank == 0:
        row = {"engine": whose, "chunks of this process": found.pop("chunks"), "gradients": found.pop("gradients")}
        print(table([{**row, "embeddings": ", ".join(f"{n} {name}" for name, n in found.items())}]), flush=True)
    dist.barrier()
    dist.destroy_process_group()


def main(cells: int) -> None:
    for whose in ("sentence-transformers", "scellm"):
        with tempfile.TemporaryDirectory() as folder:
            torch.multiprocessing.spawn(process, (str(Path(folder) / "meet"), cells, whose), nprocs=2)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 64)

"""A straightforward PyTorch implementation of pretraining, the reference for `benchmarks/pretraining.py`.

Cells are padded to the longest of 64. Attention is torch's SDPA with a mask, Adam is dense, and bf16 is by autocast.
The two views of a cell differ by dropout, and the second is masked. The loss is InfoNCE over the 64 cells plus the
cross-entropy of the masked bins. The model is 128 wide, with 4 blocks of 4 heads, as `mini` is. Nothing of scellm is
used.
"""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn import functional as F

DIM, DEPTH, HEADS, BINS, DROPOUT, BATCH = 128, 4, 4, 6, 0.1, 64
CLS, MASK, PAD = BINS, BINS + 1, BINS + 1


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(DIM, DIM, bias=False) for _ in range(3))
        self.out = nn.Linear(DIM, DIM)

    def forward(self, x, mask):
        b, n, d = x.shape
        q, k, v = (f(x).view(b, n, HEADS, d // HEADS).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        return self.out(y.transpose(1, 2).reshape(b, n, d))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2, self.attention = nn.LayerNorm(DIM), nn.LayerNorm(DIM), Attention()
        self.ff = nn.Sequential(nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(4 * DIM, DIM))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x, mask):
        x = x + self.dropout(self.attention(self.norm1(x), mask))
        return x + self.ff(self.norm2(x))


class Model(nn.Module):
    def __init__(self, n_genes: int) -> None:
        super().__init__()
        self.gene, self.bin = nn.Embedding(n_genes + 2, DIM), nn.Embedding(BINS + 2, DIM)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm, self.masked, self.project = nn.LayerNorm(DIM), nn.Linear(DIM, BINS + 2), nn.Linear(DIM, DIM)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, gene, bins, mask):
        x = self.dropout(self.gene(gene) + self.bin(bins))
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return x, self.project(mean)


def batch_of(bins: sp.csr_matrix, genes: np.ndarray, rows: np.ndarray, n_genes: int):
    """Padded gene ids, bins and mask, in a plain loop over cells."""
    cells = [bins[i] for i in rows]
    longest = max(c.nnz for c in cells) + 1
    gene = torch.full((len(rows), longest), n_genes + 1)
    value = torch.full((len(rows), longest), PAD)
    gene[:, 0], value[:, 0] = n_genes, CLS
    for i, c in enumerate(cells):
        gene[i, 1 : c.nnz + 1] = torch.from_numpy(genes[c.indices].astype(np.int64))
        value[i, 1 : c.nnz + 1] = torch.from_numpy(c.data.astype(np.int64) - 1)
    n = torch.tensor([c.nnz for c in cells])
    return gene, value, torch.arange(longest)[None] <= n[:, None]


def step(model, optimizer, gene, value, mask, rate=0.15):
    """One optimiser step over a batch of 64."""
    masked = (torch.rand(value.shape) < rate) & mask
    masked[:, 0] = False
    hidden = value.masked_fill(masked, MASK)
    with torch.autocast("cpu", torch.bfloat16):
        _, a = model(gene, value, mask)
        x, b = model(gene, hidden, mask)
        scores = model.masked(x[masked])
    a, b = F.normalize(a.float(), dim=1), F.normalize(b.float(), dim=1)
    loss = F.cross_entropy(a @ b.T / 0.05, torch.arange(len(a))) + F.cross_entropy(scores.float(), value[masked])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def tokens_per_second(bins: sp.csr_matrix, genes: np.ndarray, n_genes: int, rows: np.ndarray) -> float:
    """Tokens per second in two views, without padding, for `rows` in batches of 64; one batch as a warm-up."""
    torch.manual_seed(0)
    model = Model(n_genes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    step(model, optimizer, *batch_of(bins, genes, rows[:BATCH], n_genes))
    start, tokens = time.perf_counter(), 0
    for at in range(0, len(rows), BATCH):
        gene, value, mask = batch_of(bins, genes, rows[at : at + BATCH], n_genes)
        step(model, optimizer, gene, value, mask)
        tokens += 2 * int(mask.sum())
    return tokens / (time.perf_counter() - start)

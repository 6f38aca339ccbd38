"""The published encoder on dense arrays: every cell is padded to full length, and tensors have their released names."""

import math

import torch
from torch.nn.functional import gelu, layer_norm


def encode(state, expression, length, eps=1e-4):
    """From a state dict and the log-normalised expression of one cell to its real tokens."""
    n_genes, dim = len(expression), state["token_emb.weight"].shape[1]
    gene = torch.nonzero(expression > 0).flatten()[: length - 1]
    token = expression[gene].clamp(max=5).long()
    pad = length - 1 - len(gene)
    token = torch.cat([torch.tensor([6]), token, torch.full((pad,), 7)])
    gene = torch.cat([torch.tensor([n_genes]), gene, torch.full((pad,), n_genes + 1)])
    real = token != 7
    x = state["token_emb.weight"][token] + state["pos_emb.emb.weight"][gene]
    depth = 1 + max(int(k.split(".")[3]) for k in state if k.startswith("performer.net.layers."))
    for i in range(depth):
        p = {
            k.removeprefix(f"performer.net.layers.{i}."): v
            for k, v in state.items()
            if k.startswith(f"performer.net.layers.{i}.")
        }
        y = layer_norm(x, (dim,), p["0.norm.weight"], p["0.norm.bias"])
        w = p["0.fn.fast_attention.projection_matrix"]
        m, d = w.shape
        q, k, v = ((y @ p[f"0.fn.to_{c}.weight"].T).view(length, -1, d).transpose(0, 1) for c in "qkv")  # (h, n, d)
        v = v * real[None, :, None]
        s, r = d**-0.25, m**-0.5
        dash_q, dash_k = s * q @ w.T, s * k @ w.T
        fq = r * (torch.exp(dash_q - (s * q).square().sum(-1, keepdim=True) / 2 - dash_q.amax(-1, keepdim=True)) + eps)
        fk = r * (torch.exp(dash_k - (s * k).square().sum(-1, keepdim=True) / 2 - dash_k.max()) + eps)
        out = torch.einsum("hnm,hkm,hkd->hnd", fq, fk, v) / torch.einsum("hnm,hkm->hn", fq, fk)[..., None]
        x = x + out.transpose(0, 1).reshape(length, -1) @ p["0.fn.to_out.weight"].T + p["0.fn.to_out.bias"]
        y = layer_norm(x, (dim,), p["1.norm.weight"], p["1.norm.bias"])
        y = gelu(y @ p["1.fn.fn.w1.weight"].T + p["1.fn.fn.w1.bias"])
        x = x + y @ p["1.fn.fn.w2.weight"].T + p["1.fn.fn.w2.bias"]
    return layer_norm(x, (dim,), state["norm.weight"], state["norm.bias"])[real]


def synthetic(n_genes, dim=12, depth=2, heads=3, dim_head=4, features=7, seed=0, dtype=torch.float64):
    """A state dict of the released layout with random numbers."""
    g = torch.Generator().manual_seed(seed)
    rand = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64).to(dtype)
    scaled = lambda out, inner: rand(out, inner) / math.sqrt(inner)
    table = torch.cat([rand(n_genes, dim), torch.ones(1, dim, dtype=dtype), torch.zeros(1, dim, dtype=dtype)])
    state = {
        "token_emb.weight": rand(8, dim),
        "pos_emb.emb.weight": table.double(),
        "performer.calls_since_last_redraw": torch.tensor(3),
    }
    for i in range(depth):
        at = f"performer.net.layers.{i}"
        state |= {f"{at}.{j}.norm.{p}": rand(dim) for j in (0, 1) for p in ("weight", "bias")}
        state[f"{at}.0.fn.fast_attention.projection_matrix"] = rand(features, dim_head)
        state |= {f"{at}.0.fn.to_{c}.weight": scaled(heads * dim_head, dim) for c in "qkv"}
        state |= {f"{at}.0.fn.to_out.weight": scaled(dim, heads * dim_head), f"{at}.0.fn.to_out.bias": rand(dim)}
        state |= {f"{at}.1.fn.fn.w1.weight": scaled(4 * dim, dim), f"{at}.1.fn.fn.w1.bias": rand(4 * dim)}
        state |= {f"{at}.1.fn.fn.w2.weight": scaled(dim, 4 * dim), f"{at}.1.fn.fn.w2.bias": rand(dim)}
    return state | {
        "norm.weight": rand(dim),
        "norm.bias": rand(dim),
        "to_out.weight": rand(8, dim),
        "to_out.bias": rand(8),
    }

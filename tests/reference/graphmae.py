"""GraphMAE in dense float64, directly from the formulas and without a graph library."""

import torch


def attention(x, adjacent, weight, source, target, bias):
    """Graph attention (Velickovic et al. 2018): x (n, f), adjacent (n, n) true for an edge from j to i."""
    heads, width = source.shape
    h = (x @ weight.T).view(len(x), heads, width)
    parts = []
    for k in range(heads):
        score = (h[:, k] @ target[k])[:, None] + (h[:, k] @ source[k])[None, :]
        score = torch.where(score > 0, score, 0.2 * score)
        alpha = torch.softmax(score.masked_fill(~adjacent, -torch.inf), dim=1)
        parts.append(alpha @ h[:, k])
    return torch.cat(parts, dim=1) + bias


def loss(p, x, adjacent, token_rows, replaced, by, gamma):
    """Scaled cosine error of one step without dropout; p holds the parameters."""
    shown = x.clone()
    shown = torch.where(torch.isin(torch.arange(len(x)), token_rows)[:, None], p["token"], shown)
    for a, b in zip(replaced.tolist(), by.tolist(), strict=True):
        shown = torch.where((torch.arange(len(x)) == a)[:, None], x[b], shown)
    h = shown
    for layer, slope in zip(p["layers"], p["slopes"], strict=True):
        h = attention(h, adjacent, *layer)
        h = torch.where(h > 0, h, slope * h)
    rows = torch.cat([token_rows, replaced])
    z = h @ p["bridge"].T
    z = torch.where(torch.isin(torch.arange(len(x)), rows)[:, None], torch.zeros(()).to(z), z)
    told = attention(z, adjacent, *p["decoder"])[rows]
    cosine = (told * x[rows]).sum(1) / told.norm(dim=1) / x[rows].norm(dim=1)
    return ((1 - cosine) ** gamma).mean()

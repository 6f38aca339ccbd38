"""FAVOR+ by the plain formula, one cell at a time, in the dtype it is given."""

from __future__ import annotations

import torch


def favor(q, k, v, projection, eps=1e-4):
    """q, k, v: (heads, length, dim_head) of one cell without padding."""
    s = q.shape[-1] ** -0.25
    q, k = q * s, k * s
    dash_q, dash_k = q @ projection.T, k @ projection.T
    c_q = dash_q.amax(-1, keepdim=True).detach()
    c_k = dash_k.amax((-1, -2), keepdim=True).detach()
    f_q = torch.exp(dash_q - (q * q).sum(-1, keepdim=True) / 2 - c_q) + eps
    f_k = torch.exp(dash_k - (k * k).sum(-1, keepdim=True) / 2 - c_k) + eps
    weight = torch.einsum("him,hjm->hij", f_q, f_k)
    return torch.einsum("hij,hjd->hid", weight, v) / weight.sum(-1, keepdim=True)

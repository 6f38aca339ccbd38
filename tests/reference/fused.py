"""The fused kernels of FAVOR+ run by Triton's interpreter, without a GPU: `python -m tests.reference.fused`.

Prints one line of JSON: for each case, the largest relative difference of the result and of the three gradients to
those of the plain formula in float64, on the same rounded numbers. Triton must be imported after its interpreter was
chosen, so this is a process of its own.
"""

from __future__ import annotations

import json
import os

os.environ["TRITON_INTERPRET"] = "1"

import numpy as np
import torch
from triton.runtime import interpreter

from scellm.nn import favor, orthogonal_projection
from scellm.nn._favor_fused import FusedFavorFunction

CASES = {
    # name: (dtype, cells, heads, length, d, m, padded, one tensor as the encoder makes it)
    "float32": (torch.float32, 3, 2, 150, 64, 266, True, True),
    "narrow": (torch.float32, 2, 3, 70, 10, 20, True, False),
    "no mask": (torch.float32, 2, 2, 64, 32, 110, False, True),
    "one token": (torch.float32, 1, 1, 1, 16, 44, False, False),
    "float16": (torch.float16, 2, 2, 130, 64, 266, True, True),
    "bfloat16": (torch.bfloat16, 2, 2, 130, 64, 266, True, True),
}


def multiply_bfloat16() -> None:
    """The interpreter keeps bfloat16 as its bits in uint16, and would multiply those."""
    plain = interpreter.InterpreterBuilder.create_dot

    def wide(x):
        if x.dtype.scalar.name != "bf16":
            return x
        values = (x.data.astype(np.uint32) << 16).view(np.float32)
        return interpreter.TensorHandle(values, interpreter.tl.float32)

    interpreter.InterpreterBuilder.create_dot = lambda self, a, b, *rest: plain(self, wide(a), wide(b), *rest)


def difference(case) -> float:
    dtype, b, h, n, d, m, padded, joined = case
    torch.manual_seed(0)
    if joined:
        q, k, v = torch.randn(b, n, 3, h, d).to(dtype).permute(2, 0, 3, 1, 4)
    else:
        q, k, v = (torch.randn(b, h, n, d).to(dtype) for _ in range(3))
    grad, projection = torch.randn(b, h, n, d).to(dtype), orthogonal_projection(m, d)
    real = torch.arange(n) < torch.tensor([n, *(n // 3 + i for i in range(b - 1))])[:, None]
    k = torch.where(real[:, None, :, None], k, 40.0) if padded else k  # padding may hold anything
    seen = real[:, None, :, None] if padded else torch.ones(b, 1, n, 1, dtype=torch.bool)
    found = []
    for kind, function in ((dtype, FusedFavorFunction.apply), (torch.float64, favor)):
        inputs = [x.to(kind).detach().requires_grad_() for x in (q, k, v)]
        rest = (real if padded else None, projection.to(torch.promote_types(kind, torch.float32)))
        out = function(*inputs, *rest) * seen
        found.append([out, *torch.autograd.grad(out, inputs, grad.to(kind))])
    pairs = [(a.detach().double() * seen, b.detach() * seen) for a, b in zip(*found, strict=True)]
    return float(torch.stack([(a - b).norm() / b.norm().clamp(min=1.0) for a, b in pairs]).max())


if __name__ == "__main__":
    multiply_bfloat16()
    print(json.dumps({name: difference(case) for name, case in CASES.items()}))

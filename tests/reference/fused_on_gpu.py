"""The fused kernels of FAVOR+ on a GPU: `python -m tests.reference.fused_on_gpu`.

Prints one line of JSON: for each dtype, the largest relative difference to the plain version.
"""

from __future__ import annotations

import json

import torch

from scellm.nn._favor_fused import difference

if __name__ == "__main__":
    found = {}
    for dtype in (torch.float16, torch.bfloat16):
        of = [difference(torch.device("cuda", 0), dtype, shape) for shape in ((110, 32), (266, 64))]
        found[str(dtype).removeprefix("torch.")] = max(of)
    print(json.dumps(found))

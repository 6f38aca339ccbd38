"""The fused kernels of FAVOR+ compiled for GPUs, without one: `python -m tests.reference.fused_compiled`.

Prints one line of JSON: for each kernel and GPU, the bytes of shared memory and whether it uses the matrix units.
"""

from __future__ import annotations

import json

from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile

from scellm.nn import _favor_triton
from scellm.nn._favor_fused import WIDEST_HEAD, tile_of

KERNELS = (
    ("sums_over_tokens", {"KEYS": True}),
    ("sums_over_tokens", {"KEYS": False}),
    ("results", {}),
    ("gradients", {"KEYS": True}),
    ("gradients", {"KEYS": False}),
)
CAPABILITIES = (80, 89, 90)


def types_of(kernel, constants):
    """Types of the arguments of a kernel, for bf16."""
    whole = {"heads", "n", "d", "m"}
    known = {"half": "fp32", "real": "*u8", **dict.fromkeys(("x", "y", "q", "out", "dx", "dy"), "*bf16")}
    found = {}
    for name in kernel.arg_names:
        number = name in whole or name.endswith(("_b", "_h", "_n"))
        found[name] = "constexpr" if name in constants else "i32" if number else known.get(name, "*fp32")
    return found


def built(name, options, capability):
    kernel, tile = getattr(_favor_triton, name), tile_of(WIDEST_HEAD)
    constants = {**options, **{k: v for k, v in tile.items() if k.isupper()}}
    launch = {k: v for k, v in tile.items() if k.islower()}
    source = ASTSource(kernel, types_of(kernel, constants), constants)
    return compile(source, target=GPUTarget("cuda", capability, 32), options=launch)


if __name__ == "__main__":
    found = {}
    for name, options in KERNELS:
        for capability in CAPABILITIES:
            done = built(name, options, capability)
            found[f"{name} {options} {capability}"] = {"shared": done.metadata.shared, "mma": "mma" in done.asm["ptx"]}
    print(json.dumps(found))

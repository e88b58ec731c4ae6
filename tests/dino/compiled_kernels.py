"""Compiles the sampling kernels to machine code, as a GPU's first call does, and prints what became of them as JSON.

A program of its own: it must not have TRITON_INTERPRET, which the tests set. Needs no GPU.
"""

# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from training_code.dino.sampling import kernels

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "_sample": ("value", "weight", "weight", "scales", "weight"),
    "_sample_backward": ("value", "weight", "weight", "scales", "value", "weight", "weight", "weight"),
}
"""What the pointers of each point to: values, what is summed in the type of the weights, or scales."""
ALIGNED = [["tt.divisibility", 16]]
"""What Triton finds out of PyTorch's pointers."""


def main(given: Mapping[str, Any]) -> None:
    """`given`: "arch" as 86, "value" and "weight" as bf16 or fp32, "E" features of a head, "one" query and token."""
    found = {}
    for name, pointers in ARGUMENTS.items():
        compiled = triton.compile(_source(name, pointers, given), target=GPUTarget("cuda", given["arch"], 32))
        found[name] = {"ptx": compiled.asm["ptx"], "resources": _resources(compiled.asm["cubin"])}
    sys.stdout.write(json.dumps(found))


def _source(name: str, pointers: tuple[str, ...], given: Mapping[str, Any]) -> ASTSource:
    function = getattr(kernels, name)
    types = {"value": f"*{given['value']}", "weight": f"*{given['weight']}", "scales": "*i32"}
    constants = {
        "M": 8,
        "E": given["E"],
        "L": 4,
        "K": 4,
        "BLOCK_Q": kernels.QUERIES,
        "BLOCK_E": triton.next_power_of_2(given["E"]),
    }
    if given["one"]:  # Triton takes a 1 for a constant
        constants |= {"Q": 1, "S": 1}
    signature = {
        argument: "constexpr" if argument in constants else types[pointers[number]] if number < len(pointers) else "i32"
        for number, argument in enumerate(function.arg_names)
    }
    return ASTSource(function, signature, constants, {(number,): ALIGNED for number in range(len(pointers))})


def _resources(binary: bytes) -> str:
    """Of each function: its registers, and STACK, the bytes of what did not fit into them."""
    tool = triton.knobs.nvidia.cuobjdump.path
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "kernel.cubin")
        file.write_bytes(binary)
        command = [tool, "--dump-resource-usage", str(file)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

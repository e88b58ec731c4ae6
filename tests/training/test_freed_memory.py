"""Memory that an update frees is there for the next one, without the kernel's help."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PAGES_OF_AN_UPDATE = """
import resource
import torch
from training_code.loop.memory import keep_freed_memory

keep_freed_memory()

def update():
    activations = [torch.zeros(2**18) for _ in range(20)]
    del activations[:]

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(3):
    update()
before = pages()
for _ in range(10):
    update()
print((pages() - before) // 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_an_update_takes_no_new_pages() -> None:
    """Without keep_freed_memory() each takes all of its 5,000, mostly: it depends on what lies at the heap's end."""
    pages = subprocess.check_output([sys.executable, "-c", PAGES_OF_AN_UPDATE], text=True)
    assert int(pages) < 50

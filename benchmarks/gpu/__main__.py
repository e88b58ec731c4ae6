"""All figures that need a GPU, in eight minutes at the most, for whoever has one for a moment.

    python -m benchmarks.gpu          writes benchmarks/results/gpu-DEVICE.json, and a page beside it in build/gpu/
    python -m benchmarks.gpu --dry    the same at tiny sizes, on a machine without a GPU: shows only that it works

Each section is a process of its own with a time of its own: if it fails, or is stopped, the others still run. Of
several GPUs it takes one. It writes after each section, so that what interrupts it costs the rest only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.figures import tell, told
from benchmarks.gpu.page import page
from benchmarks.gpu.sections import SECTIONS
from benchmarks.measuring import RESULTS, ROOT, machine
from dataset_contract.atomic_write import write_atomically

LONGEST = 480.0
_LONGEST_DRY = 600.0
"""Of a section: the machine may be slow and busy."""
_SECONDS_TO_DIE = 10.0
PAGES = ROOT / "build" / "gpu"
_SHOWN_OF_LOG = 600
"""Characters of the end of a failed section's output."""


def main(arguments: list[str] | None = None, *, pages: Path = PAGES) -> int:
    """Returns the exit status: 0 if each section came to its end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="tiny sizes on the CPU; its figures mean nothing")
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.section:
        SECTIONS[given.section].run(dry=given.dry, tell=tell)
        return 0
    if not given.dry and not torch.cuda.is_available():
        print(_why_no_gpu(), file=sys.stderr)
        return 2
    device = "dry run on a CPU" if given.dry else torch.cuda.get_device_name()
    lead = [_machine(), time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())]
    commit = _commit()  # before a result is written, which would be a change to it
    start, sections = time.monotonic(), {}
    for name, section in SECTIONS.items():
        left = LONGEST - (time.monotonic() - start)
        seconds = _LONGEST_DRY if given.dry else min(section.seconds, left)
        sections[name] = _run(name, dry=given.dry, seconds=seconds)
        _print(section.title, sections[name])
        shown = _write(device, lead, commit, sections, dry=given.dry, pages=pages)
    print(f"\nThe page: {shown}")
    return int(any(section["failure"] for section in sections.values()))


def _why_no_gpu() -> str:
    if torch.version.cuda is None:
        return (
            f"PyTorch {torch.__version__} is a build without CUDA: on a machine with a GPU, `make clean setup` without"
            " an index of PyTorch's builds for CPUs (PIP_EXTRA_INDEX_URL, PIP_INDEX_URL) installs one with it, or try"
            " this with --dry."
        )
    return "PyTorch sees no GPU here: run this where there is one, or try it with --dry."


def _machine() -> str:
    """One line: the machine, and its GPU's memory and CUDA."""
    if not torch.cuda.is_available():
        return machine(("torch",))
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    return f"{memory:.1f} GiB of GPU memory, CUDA {torch.version.cuda}; {machine(('torch',))}"


def _environment(*, dry: bool) -> dict[str, str]:
    """Of a section: with one GPU, or a training would take all of them and outlive its section, as torchrun's
    processes have sessions of their own."""
    if dry:
        return {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return {**os.environ, "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}


def _run(name: str, *, dry: bool, seconds: float) -> dict[str, Any]:
    """What the section told within its time, how long it took, and why it did not come to its end."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--section", name, *(["--dry"] if dry else [])]
    start = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:  # compilers write to it, too
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(dry=dry),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(max(seconds, 1.0))
            failure = f"ended with {code}" if code else None
        except subprocess.TimeoutExpired:
            failure = f"stopped after {time.monotonic() - start:.0f} s: its time was over"
        finally:
            _end(process)
        output.seek(0)
        lines = output.readlines()
    if failure:
        failure += f". The end of its output: {''.join(lines)[-_SHOWN_OF_LOG:]}"
    return {"figures": told(lines), "seconds": time.monotonic() - start, "failure": failure}


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started; nothing is left of a section that came to its end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # one that a GPU's driver holds must not hold the others
        process.wait(_SECONDS_TO_DIE)


def _print(title: str, section: dict[str, Any]) -> None:
    print(f"\n{title} ({section['seconds']:.0f} s)")
    for figure in section["figures"]:
        if not isinstance(figure.value, list):
            goal = "" if figure.met is None else f"  {'met' if figure.met else 'MISSED'}, goal {figure.limit:g}"
            print(f"  {figure.name:<48} {figure.shown}{goal}")
    if section["failure"]:
        print(f"  FAILED: {section['failure']}")


def _write(
    device: str, lead: list[str], commit: str, sections: dict[str, dict[str, Any]], *, dry: bool, pages: Path
) -> Path:
    """The page's path; a dry run's figures go nowhere but to it."""
    name = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    titled = {SECTIONS[key].title: section for key, section in sections.items()}
    pages.mkdir(parents=True, exist_ok=True)
    shown = pages / f"gpu-{name}.html"
    write_atomically(shown, page(f"Figures of one GPU: {device}", lead, titled))
    if dry:
        return shown
    plain = {
        key: section | {"figures": [asdict(each) for each in section["figures"]]} for key, section in sections.items()
    }
    content = {"device": device, "machine": lead[0], "measured": lead[1], "commit": commit, "sections": plain}
    write_atomically(RESULTS / f"gpu-{name}.json", json.dumps(content, indent=1) + "\n")
    return shown


def _commit() -> str:
    """What the checkout is of; instance_speeds.py names it. Without git, or where git refuses another user's checkout,
    nothing measured is lost for it."""
    read = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(read, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"


if __name__ == "__main__":
    sys.exit(main())

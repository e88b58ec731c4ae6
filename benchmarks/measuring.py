"""Runs the sides of a comparison in turn, each in a process of its own, and shows medians and their ratios."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
RESULTS = Path(__file__).with_name("results")
_SIDE = "--side"
_WORK = "seconds of work: "


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    work_s: float
    """Wall time without the start of Python and the imports; the whole process where it does not tell."""
    work_cpu_s: float
    """User and system time of the work, of all its threads."""
    wall_s: float
    cpu_s: float
    """User and system time of the process and its children."""
    peak_mb: float
    """Largest resident set of the process; no side of ours or a library starts others. Of a program that does not tell
    it is not below the comparing process's own, which the system counts in until the program is loaded."""


def competitors() -> Path:
    """The bin folder of an environment with requirements.txt, made in build/benchmarks when missing."""
    name = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = ROOT / "build" / "benchmarks" / name
    if not (folder / "complete").exists():
        print(f"Installing {REQUIREMENTS.name} into {folder} ...", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]
        subprocess.run([str(part) for part in install], check=True)
        (folder / "complete").touch()
    return folder / "bin"


def side(file: str, *arguments: str | Path, python: str | Path = sys.executable) -> list[str | Path]:
    """The command that runs one side of the benchmark `file` in a process of its own."""
    return [python, file, _SIDE, *arguments]


def start(main: Callable[[], None], one_side: Callable[..., None]) -> None:
    """Run a benchmark's file as a program: compare, or in a process that side() started do the work of that side."""
    if sys.argv[1:2] == [_SIDE]:
        one_side(*sys.argv[2:])
    else:
        main()


@contextmanager
def work() -> Iterator[None]:
    """Tells the process that compares what the block takes: the side's work, after its imports."""
    start, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{_WORK}{time.perf_counter() - start} {time.process_time() - cpu} {_peak_mb()}")


def _peak_mb() -> float:
    """Of this process since its program was loaded."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1e3
    return _megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _megabytes(maxrss: int) -> float:
    return maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def run_side(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Cost:
    """Run one side to its end, in this or a given environment, but that Python keeps what it has compiled, as it does
    for people. Raises RuntimeError with what it said if it fails."""
    given = os.environ if environment is None else environment
    environment = {name: value for name, value in given.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{text[-2000:]}")
    cpu = used.ru_utime + used.ru_stime
    told = [line.removeprefix(_WORK).split() for line in text.splitlines() if line.startswith(_WORK)]
    work_s, work_cpu_s, peak_mb = map(float, told[0]) if told else (wall, cpu, _megabytes(used.ru_maxrss))
    return Cost(work_s, work_cpu_s, wall, cpu, peak_mb)


def in_turn(sides: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """Run every side `rounds` times, in turn so that what else the machine does hits all; medians by name."""
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, side in sides.items():
            costs[name].append(side())
            print(f"  round {number + 1}, {name}: {costs[name][-1].work_s:.2f} s", file=sys.stderr)
    return {name: median(runs) for name, runs in costs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure for itself."""
    columns = zip(*(asdict(cost).values() for cost in costs), strict=True)
    return Cost(*(statistics.median(column) for column in columns))


def report(
    name: str,
    given: argparse.Namespace,
    tables: Mapping[str, Mapping[str, Cost]],
    *,
    goals: Mapping[str, tuple[float, float]] | None = None,
    packages: Sequence[str] = (),
) -> None:
    """Print the machine, the tables by their titles, and each goal with its figure and the limit it should stay below.

    With --json, write machine and tables to benchmarks/results/NAME.json too.
    """
    line = machine(packages)
    print(line)
    for title, costs in tables.items():
        show(title, costs)
    for goal, (figure, limit) in (goals or {}).items():
        print(f"  {'met   ' if figure < limit else 'MISSED'} {goal}: {figure:.3g}, limit {limit:g}")
    if given.json:
        by_side = {title: {side: asdict(cost) for side, cost in costs.items()} for title, costs in tables.items()}
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps({"machine": line, "tables": by_side}, indent=1) + "\n")


def show(title: str, costs: Mapping[str, Cost]) -> None:
    """Print a table whose last columns are the ratios of the work to that of the first side."""
    print(f"\n{title}")
    print(
        f"  {'':<28}{'work s':>9}{'its CPU s':>11}{'process s':>11}{'CPU s':>8}{'peak MB':>9}{'work ratio':>12}"
        f"{'CPU ratio':>11}"
    )
    base = next(iter(costs.values()))
    for name, cost in costs.items():
        ratio, cpu_ratio = cost.work_s / base.work_s, cost.work_cpu_s / base.work_cpu_s
        print(
            f"  {name:<28}{cost.work_s:>9.2f}{cost.work_cpu_s:>11.2f}{cost.wall_s:>11.2f}{cost.cpu_s:>8.2f}"
            f"{cost.peak_mb:>9.0f}{ratio:>12.2f}{cpu_ratio:>11.2f}"
        )


def processor() -> str:
    """The name of this machine's processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def machine(packages: Sequence[str]) -> str:
    """One line: processor, cores, load, Python and the versions of `packages`."""
    from importlib.metadata import version  # noqa: PLC0415  the sides import this file too: it would count as theirs

    versions = "".join(f", {name} {version(name)}" for name in packages)
    pinned = ", ".join(line.replace("==", " ") for line in REQUIREMENTS.read_text().splitlines() if "==" in line)
    return (
        f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{sysconfig.get_platform()}, Python {platform.python_version()}{versions}; compared: {pinned}"
    )


def parser(description: str, rounds: int) -> argparse.ArgumentParser:
    """The options that every comparison has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--rounds", type=int, default=rounds, help=f"of which medians are shown (default: {rounds})")
    made.add_argument("--json", action="store_true", help="also write benchmarks/results/")
    made.add_argument("--scratch", type=Path, help="folder for the data, best in memory (default: /dev/shm if there)")
    return made


@contextmanager
def scratch(given: argparse.Namespace) -> Iterator[Path]:
    """A folder for the data of all sides; in memory if there is no other wish, where no other disk traffic disturbs."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
    with tempfile.TemporaryDirectory(dir=given.scratch or (memory if memory.is_dir() else None)) as folder:
        yield Path(folder)

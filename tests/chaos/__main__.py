"""`python -m tests.chaos`: provokes one fault after another on the deployed pipeline; exits 1 if a run ended wrong."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.chaos_run import Verdict, chaos_deployment, late_messages, run_chaos
from tests.chaos.faults import fault_of


def main() -> int:
    """Run the seeds from --seed on; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="how many faults (50)")
    parser.add_argument("--seed", type=int, default=1, help="the first run's seed; the others count on from it (1)")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, chaos_deployment(Path(scratch)) as deployed:
        verdicts: list[Verdict] = []
        for seed in range(arguments.seed, arguments.seed + arguments.runs):
            verdicts.append(run_chaos(deployed, seed, fault_of(seed)))
            say(verdicts[-1].line())
        late = late_messages(deployed, verdicts)
    wrong = [verdict for verdict in verdicts if verdict.wrong]
    ends = Counter(end for verdict in verdicts for end in verdict.ends)
    seconds = time.monotonic() - started
    say(f"{len(verdicts)} runs in {seconds:.0f} s: {len(verdicts) - len(wrong)} right, {len(wrong)} wrong.")
    say("; ".join(f"{count} {end}" for end, count in ends.most_common()))
    for sentence in late:
        say(sentence)
    if wrong:
        say(f"To repeat one: python -m tests.chaos --runs 1 --seed {wrong[0].seed}")
    return 1 if wrong or late else 0


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

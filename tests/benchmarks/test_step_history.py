"""The states of the code between which a change of the step is measured, and the table of what it brought."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

from benchmarks.measuring import ROOT
from benchmarks.step_history import BEFORE, CHANGES, table, trees


def test_the_table_tells_each_states_figures_and_how_they_changed() -> None:
    before = {"gib": 8.58, "kernels": 4676, "synchronisations": 10, "cpu_by_that_before": 1.0}
    after = {"gib": 3.93, "kernels": 4285, "synchronisations": 10, "cpu_by_that_before": 0.814}
    rows = [{"change": "before", "commit": "a1", **before}, {"change": "an operator", "commit": "b2", **after}]
    assert table(rows).splitlines()[2:] == [
        "| before | a1 | 8.58 | 4,676 | 10 | |",
        "| an operator | b2 | 3.93 (-4.65) | 4,285 (-391) | 10 | 0.81 |",
    ]


def test_each_change_is_a_state_of_its_own_and_the_last_of_a_commit_is_that_commit(tmp_path: Path) -> None:
    commits = [BEFORE, *(change.commit for change in CHANGES)]
    known = [subprocess.run(["git", "-C", str(ROOT), "cat-file", "-e", commit], check=False) for commit in commits]
    if any(each.returncode for each in known):
        pytest.skip("this checkout lacks the commits of the history")
    contents = [
        {str(file.relative_to(tree)): file.read_bytes() for file in tree.rglob("*.py")} for tree in trees(tmp_path)
    ]
    for before, after in itertools.pairwise(contents):
        assert before != after
    for commit in set(commits):
        last = len(commits) - 1 - commits[::-1].index(commit)
        for name in ("decoder", "deformable_attention", "resnet", "matcher", "precision"):
            path = f"training_code/dino/{name}.py"
            show = subprocess.run(["git", "-C", str(ROOT), "show", f"{commit}:{path}"], check=True, capture_output=True)
            assert contents[last][path] == show.stdout

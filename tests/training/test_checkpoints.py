"""A checkpoint is whole or not there, and a damaged one never stops or misleads a run."""

import pickle
from pathlib import Path

import torch

from training_code.job.checkpoints import load_newest_checkpoint, save_checkpoint


def save(folder: Path, step: int) -> Path:
    return save_checkpoint(folder, step, {"step": step, "weights": torch.arange(1000.0) * step})


def load(folder: Path) -> tuple[int | None, list[str]]:
    lines: list[str] = []
    state = load_newest_checkpoint(folder, lines.append)
    return (None if state is None else state["step"]), lines


def test_the_newest_is_loaded_and_the_one_before_it_kept(tmp_path: Path) -> None:
    for step in (5, 9, 10):
        save(tmp_path, step)
    assert load(tmp_path) == (10, [])
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_beside_the_checkpoints_stays(tmp_path: Path) -> None:
    others = [tmp_path / name for name in ("history.jsonl", "pictures/epoch-0001/000007.png", "tensorboard/events.1")]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"kept")
    for step in (1, 2, 3):
        save(tmp_path, step)
    assert load(tmp_path) == (3, [])
    assert {path.read_bytes() for path in others} == {b"kept"}


def test_no_checkpoint_is_no_failure(tmp_path: Path) -> None:
    assert load(tmp_path / "missing") == (None, [])


def test_a_truncated_one_falls_back_to_the_one_before(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = save(tmp_path, 2)
    path.write_bytes(path.read_bytes()[:-100])
    step, [sentence] = load(tmp_path)
    assert step == 1
    assert path.name in sentence


def test_a_single_flipped_bit_is_noticed(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = save(tmp_path, 2)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert load(tmp_path)[0] == 1


def test_nothing_sound_left_means_starting_from_scratch(tmp_path: Path) -> None:
    save(tmp_path, 1).write_bytes(b"")
    step, lines = load(tmp_path)
    assert step is None
    assert len(lines) == 1


def test_a_write_that_was_killed_leaves_nothing_that_counts(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / ".writing-00000002").write_bytes(b"half a checkpoint")
    assert load(tmp_path) == (1, [])
    assert len(list(tmp_path.iterdir())) == 1


def test_what_sagemaker_restores_of_files_that_were_being_written_is_removed(tmp_path: Path) -> None:
    """It copies a growing file as it is, and the job may have been killed before the file got its name."""
    save(tmp_path, 1)
    kept = {path for path in tmp_path.rglob("*") if path.is_file()} | {tmp_path / "pictures/.hidden.tmp"}
    (tmp_path / "pictures/epoch-0001").mkdir(parents=True)
    (tmp_path / "pictures/.hidden.tmp").write_bytes(b"of another program")
    for name in (".history.jsonl.0123456789abcdef.tmp", "pictures/epoch-0001/.000007.png.fedcba9876543210.tmp"):
        (tmp_path / name).write_bytes(b"a part")
    assert load(tmp_path) == (1, [])
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_one_that_another_process_has_just_removed_is_passed_over(tmp_path: Path) -> None:
    """All processes of a machine look for the newest at once, and remove damaged ones."""
    save(tmp_path, 1)
    (tmp_path / "checkpoint-00000002-0123456789abcdef.pt").symlink_to("gone")
    assert load(tmp_path)[0] == 1


def test_checkpoints_after_a_damaged_one_are_kept(tmp_path: Path) -> None:
    """Training starts over where none is sound; what it saves then must outlive the damaged ones of later steps."""
    for step in (8, 9):
        save(tmp_path, step).write_bytes(b"cut off")
    assert load(tmp_path)[0] is None
    for step in (1, 2):
        save(tmp_path, step)
    assert load(tmp_path) == (2, [])
    assert len(list(tmp_path.iterdir())) == 2


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "attacked",)

    save(tmp_path, 1)
    save_checkpoint(tmp_path, 2, {"step": 2, "attack": Attack()})
    assert load(tmp_path)[0] == 1
    assert not (tmp_path / "attacked").exists()
    pickle.loads(pickle.dumps(Attack()))  # noqa: S301  the attack would have worked
    assert (tmp_path / "attacked").exists()

"""Which plans a copy of CubiCasa5K holds, with their ids and splits by the official lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.findings import FindingLog
from dataset_contract.layout import SPLITS
from dataset_contract.sanitise import sanitise
from dataset_prep.sources.source_files import SourceFolders, report_linked_folder

CATEGORIES = ("high_quality", "high_quality_architectural", "colorful")
ORIGINAL, SCALED, ANNOTATION = "F1_original.png", "F1_scaled.png", "model.svg"


@dataclass(frozen=True)
class PlanFolder:
    """A plan's folder, and its place in the official lists."""

    folder: Path
    name: str
    """category/id."""
    image_id: int
    split: str | None


def find_root(source: Path) -> Path | None:
    """The folder below `source` that holds the category folders (copies nest it up to twice), or None."""
    for root in (source, source / "cubicasa5k", source / "cubicasa5k" / "cubicasa5k"):
        if any((root / category).is_dir() for category in CATEGORIES):
            return root
    return None


def count_plans(source: Path) -> int:
    """How many plans there are to look at, for progress."""
    root = find_root(source)
    return sum(1 for _ in _folders(root)) if root else 0


def _folders(root: Path) -> Iterator[Path]:
    for category in CATEGORIES:
        if (root / category).is_dir():
            folders = (folder for folder in (root / category).iterdir() if folder.is_dir())
            yield from sorted(folder for folder in folders if not folder.name.startswith("."))


def find_plans(root: Path, folders: SourceFolders, found: FindingLog) -> list[PlanFolder]:
    """The plans on disk, sorted by image id, but for those that lead out of `folders`. Raises PrepError."""
    listed = _read_lists(root, folders, found)
    on_disk = {f"{folder.parent.name}/{folder.name}": folder for folder in _folders(root)}
    for name in [name for name, folder in on_disk.items() if not folders.hold(folder)]:
        report_linked_folder(name, found)
        del on_disk[name]
    absent = len(listed.keys() - on_disk.keys())
    if absent:
        found.info(
            "LISTED_PLAN_ABSENT",
            f"{absent:,} of the {len(listed):,} plans that the official lists name are not in {root}.",
            "Nothing, if only a part of CubiCasa5K was meant; else complete the download.",
        )
    next_id = max((number for number, _ in listed.values()), default=0) + 1
    plans = []
    for name, folder in sorted(on_disk.items(), key=lambda item: (item[0].partition("/")[0], _natural(item[1].name))):
        if name in listed:
            number, split = listed[name]
            plans.append(PlanFolder(folder, name, number, split))
        else:
            plans.append(PlanFolder(folder, name, next_id, None))
            next_id += 1
    return sorted(plans, key=lambda plan: plan.image_id)


def _natural(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (1 << 62, name)


def _read_lists(root: Path, folders: SourceFolders, found: FindingLog) -> dict[str, tuple[int, str]]:
    """category/id -> (id, split) from train.txt, val.txt and test.txt beside the category folders or in splits/.

    Entries are such as /high_quality/17/; CRLF, a missing slash and a missing last newline occur.
    """
    listed: dict[str, tuple[int, str]] = {}
    offset = 0
    for split in SPLITS:
        path = next((p for p in (root / f"{split}.txt", root / "splits" / f"{split}.txt") if p.is_file()), None)
        if path is None:
            continue
        lines = folders.read_text(path).rstrip().splitlines()
        for number, line in enumerate(lines, start=1):
            name = "/".join(part for part in line.strip().replace("\\", "/").split("/") if part)
            if not name:
                continue
            if name in listed:
                shown = sanitise(name, longest=200)
                found.warning(
                    "PLAN_LISTED_TWICE",
                    f"{path.name} names {shown} in line {number}, and it was named before in {listed[name][1]}.txt.",
                    "Take the lists from the original download; here the first mention counts.",
                    file=str(path.relative_to(root)),
                )
                continue
            listed[name] = (offset + number, split)
        offset += len(lines)
    return listed

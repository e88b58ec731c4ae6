"""Lists the plans that the command line names, each with the name under which its results are written."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset_contract.findings import FindingLog, Severity
from dataset_contract.layout import path_problem
from dataset_contract.png import MAX_IMAGE_BYTES
from dataset_contract.sanitise import sanitise
from dataset_prep.sources.image_files import PLAN_SUFFIXES, image_files
from image_reader.header import read_image_file
from prediction.command.errors import PredictionUsageError
from prediction.places.download import S3, S3Object, download_object, list_objects
from prediction.places.errors import PlaceError
from prediction.plans.errors import PlanError

_GIVE = "give a picture, a PDF, a folder, a 'glob' or s3://..."


@dataclass(frozen=True, slots=True)
class Plan:
    """One file."""

    place: str
    """Its path or s3://..."""
    name: str
    """Where its results go: a relative path with forward slashes, another for each plan."""
    in_s3: S3Object | None = None

    def read(self) -> bytes:
        """All of it. Raises PlanError if it cannot be read, PlaceError if not be downloaded."""
        if self.in_s3 is None:
            return _read(Path(self.place))
        if self.in_s3.size > MAX_IMAGE_BYTES:
            raise PlanError(f"has {self.in_s3.size:,} bytes, more than the {MAX_IMAGE_BYTES:,} that are read")
        with tempfile.TemporaryDirectory(prefix="prediction-") as scratch:
            path = Path(scratch) / "plan"
            download_object(self.in_s3, path)
            return _read(path)


def _read(path: Path) -> bytes:
    try:
        return read_image_file(path)
    except OSError as error:
        raise PlanError(f"cannot be read ({error.strerror or error})") from None


@dataclass(slots=True)
class PlanList:
    """What was found."""

    plans: list[Plan] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Sentences: what was named and cannot be predicted on."""
    notes: list[str] = field(default_factory=list)
    """Sentences: what was passed over."""


def list_plans(inputs: Sequence[str], to: Path) -> PlanList:
    """The plans that `inputs` name, each once, in their order; those of a folder by name.

    Results, in the folder `to`, are not taken for plans. Raises PredictionUsageError if they would be beside plans that
    a folder or glob names.
    """
    listed = PlanList()
    local: dict[str, str] = {}
    roots: list[str] = []
    remote: dict[str, S3Object] = {}
    remote_roots: list[str] = []
    for each in inputs:
        if each.startswith(S3):
            _add_objects(each, remote, remote_roots, listed)
        else:
            root, paths = _local(each, to, listed)
            roots.append(os.path.normpath(Path.cwd() / root))
            for path in paths:
                local.setdefault(os.path.normpath(Path.cwd() / path), path)
    listed.plans = [*_named(local, roots), *_named_objects(remote, remote_roots)]
    return _without_doubles(listed)


def _local(given: str, to: Path, listed: PlanList) -> tuple[str, list[str]]:
    """The folder that a path's or glob's files are named from, and the files."""
    try:
        is_folder, is_there = Path(given).is_dir(), Path(given).exists()
    except OSError as error:  # of a name that is too long, or in a folder that one may not look into
        listed.problems.append(f"{given} cannot be read ({error.strerror}): {_GIVE}")
        return str(Path(given).parent), []
    if is_folder:
        _check_apart(given, given, to)
        found = FindingLog()
        paths = list(image_files(Path(given), found, exclude=to, suffixes=PLAN_SUFFIXES))
        for finding in found.findings():
            where = listed.problems if finding.severity is Severity.ERROR else listed.notes
            where.append(f"{given}: {finding.message} {finding.fix}")
        if not paths:
            listed.problems.append(f"{given} holds no plan: {', '.join(sorted(PLAN_SUFFIXES))} are looked for.")
        return given, paths
    if glob.has_magic(given) and not is_there:
        root = given[: next(index for index, letter in enumerate(given) if letter in "*?[")].rpartition("/")[0]
        root = root or ("/" if given.startswith("/") else ".")
        _check_apart(given, root, to)
        target = os.path.realpath(to)
        paths = [
            path
            for path in sorted(glob.glob(given, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
            if Path(path).is_file() and not Path(os.path.realpath(path)).is_relative_to(target)
        ]
        if not paths:
            listed.problems.append(f"{given} matches no file: {_GIVE}")
        return root, paths
    if not is_there:
        listed.problems.append(f"{given} does not exist: {_GIVE}")
        return str(Path(given).parent), []
    return str(Path(given).parent), [given]


def _check_apart(given: str, folder: str, to: Path) -> None:
    if os.path.realpath(folder) == os.path.realpath(to):
        raise PredictionUsageError(
            f"--to {to} is where the plans of {given} are, and results would be taken for plans: name another folder."
        )


def _add_objects(uri: str, remote: dict[str, S3Object], roots: list[str], listed: PlanList) -> None:
    try:
        objects = list_objects(uri)
    except PlaceError as error:
        listed.problems.append(str(error))
        return
    named = len(objects) == 1 and objects[0].uri == uri
    plans = [each for each in objects if named or Path(each.key).suffix.lower() in PLAN_SUFFIXES]
    if not plans:
        listed.problems.append(f"{uri} holds no plan: {', '.join(sorted(PLAN_SUFFIXES))} are looked for.")
    for each in plans:
        if problem := path_problem(each.name):
            listed.problems.append(f"{sanitise(each.uri)} has a name that {problem}: rename the object.")
            continue
        remote[each.uri] = each
        roots.append(f"/{each.bucket}/{each.key.removesuffix(each.name)}".rstrip("/"))


def _named(paths: Mapping[str, str], roots: Sequence[str]) -> list[Plan]:
    """`paths` by their absolute form."""
    if not roots:
        return []
    root = os.path.commonpath(roots)
    return [Plan(path, Path(os.path.relpath(absolute, root)).as_posix()) for absolute, path in paths.items()]


def _named_objects(objects: Mapping[str, S3Object], roots: Sequence[str]) -> list[Plan]:
    root = os.path.commonpath(roots) if roots else ""
    return [
        Plan(uri, f"/{each.bucket}/{each.key}".removeprefix(root).lstrip("/"), each) for uri, each in objects.items()
    ]


def _without_doubles(listed: PlanList) -> PlanList:
    """A plan on disk and one in S3 may have the same name."""
    first: dict[str, Plan] = {}
    for plan in listed.plans:
        if first.setdefault(plan.name, plan) is not plan:
            listed.problems.append(
                f"{sanitise(plan.place)} would be written where {sanitise(first[plan.name].place)} is: "
                "predict on it with another --to."
            )
    listed.plans = list(first.values())
    return listed

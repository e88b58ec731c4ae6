"""Which image file an entry of a COCO file means: by its path's end, and by where the COCO file itself is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from dataset_contract.coco import Image
from dataset_contract.findings import FindingLog, Place
from dataset_prep.sources.coco_files import split_in, split_of, subset_of
from dataset_prep.sources.image_files import CONVERT, UNREAD
from dataset_prep.sources.stale_paths import PathSuffixes

_LABEL_STUDIO = "label studio"
_ITS_FOLDERS = re.compile(r"(?:^|/)(?:label-studio|upload/\d+)/")


class ImagesOfFile:
    """The image files that one COCO file names."""

    def __init__(self, path: Path, files: PathSuffixes, others: Collection[Path]) -> None:
        """`others` are the COCO files of the data set, this one too."""
        self._path = path.resolve()
        self._files = files
        self._folders_of_others = {other.resolve().parent for other in others} - {self._path.parent}
        self._is_label_studio = False

    def look_at(self, content: dict[str, object]) -> None:
        """See from the file's content whose export it is."""
        info = content.get("info")
        contributor = info.get("contributor") if isinstance(info, dict) else None
        self._is_label_studio = isinstance(contributor, str) and contributor.strip().lower() == _LABEL_STUDIO

    def locate(self, name: str) -> Path | None:
        """The one file that `name` means, None if that is not certain."""
        name = self._files.path_of(name)
        candidates = self._candidates(name)
        return candidates[0] if len(candidates) == 1 and self._is_certain(name, candidates[0]) else None

    def find(self, image: Image, file: str, found: FindingLog, place: Place) -> Path | None:
        """As locate(), and an error finding that names the candidates where there is none."""
        path = self.locate(image.file_name)
        if path is not None:
            return path
        name = self._files.path_of(image.file_name)
        candidates = self._candidates(name)
        kind = UNREAD.get(PurePosixPath(image.file_name).suffix.lower())
        if kind is not None:
            found.error(
                "IMAGE_MISSING",
                f"{file}: image {image.id} is {image.file_name}: {kind} is not read.",
                f"{CONVERT}, and correct the name in the file.",
                **place,
            )
            return None
        if not candidates:
            similar = self._files.similar(image.file_name)
            hint = f"; there is {_some(similar)}, which is spelled differently" if similar else ""
            found.error(
                "IMAGE_MISSING",
                f"{file}: image {image.id} is {image.file_name}, and there is no such file{hint}.",
                "Correct the name in the file: it has to be the image's, in capital and small letters too."
                if similar
                else "Give the folder that holds it with --images, or correct the name in the file.",
                **place,
            )
            return None
        if len(candidates) == 1:
            found.error(
                "IMAGE_UNCERTAIN",
                f"{file}: image {image.id} is {image.file_name}; the only file of that name is {candidates[0]}, in "
                "another folder.",
                "Give that very folder with --images if it is the same image, else the right one's folder.",
                **place,
            )
            return None
        by_name = not any(self._files.is_certain(name, candidate) for candidate in candidates)
        fits = "by its base name only, in other folders, fits" if by_name else "fits"
        found.error(
            "IMAGE_AMBIGUOUS",
            f"{file}: image {image.id} is {image.file_name}, which {fits} {len(candidates)} files: "
            f"{_some(candidates)}.",
            "Add the image if it is missing, else give the one folder that is meant with --images."
            if by_name
            else "Give the one folder that is meant with --images.",
            **place,
        )
        return None

    def _candidates(self, name: str) -> Sequence[Path]:
        """The files with the longest suffix in common; of several, those that are the COCO file's own, if any are."""
        candidates = self._files.find(name)
        if len(candidates) < 2:
            return candidates
        parts = PurePosixPath(_composed(name)).parts
        if not all(
            _composed(str(path)).endswith(f"/{'/'.join(parts)}") or self._is_exported(name, path) for path in candidates
        ):
            return candidates  # the folders that it names are none of theirs
        subset, split = subset_of(self._path), split_of(self._path)
        beside = self._path.parent.joinpath(*parts)
        for own in (
            [path for path in candidates if path == beside or self._is_exported(name, path)],
            [path for path in candidates if subset in path.parts[:-1]],
            [path for path in candidates if split is not None and split_in(*reversed(path.parts[:-1])) == split],
        ):
            if own:
                return own
        return candidates

    def _is_certain(self, name: str, image: Path) -> bool:
        if self._is_exported(name, image):
            return True
        if "/" not in name and image.parent in self._folders_of_others:
            return False
        return self._files.is_certain(name, image)

    def _is_exported(self, name: str, image: Path) -> bool:
        """Whether `name` leads to a folder of Label Studio's, from where it exports to `images` beside the file."""
        its = self._is_label_studio or _ITS_FOLDERS.search(_composed(name)) is not None
        return its and image.parent == self._path.parent / "images"


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path).replace("\\", "/")


def _some(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")

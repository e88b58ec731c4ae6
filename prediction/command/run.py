"""Predicts on one plan after the other, and writes what was found; memory does not grow with their number."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from dataset_contract.atomic_write import atomic_path, write_atomically
from dataset_contract.sanitise import sanitise, written_name
from dataset_prep.progress import phase
from image_reader.header import ImageError
from prediction.command.model import Model
from prediction.command.options import Options
from prediction.command.plan_list import Plan
from prediction.command.record import SUFFIX, Record, key_of, read_record, write_record
from prediction.command.results_folder import ResultsFolder, cannot_be_written
from prediction.formats.drawing import DRAWING, to_drawing
from prediction.formats.plan_files import geometry_of, plan_file
from prediction.formats.registry import COMBINED, PER_PLAN
from prediction.formats.result import PlanResult
from prediction.places.errors import PlaceError
from prediction.plans.errors import PlanError
from prediction.plans.pages import Pages, open_pages
from prediction.tiled import predict_tiled
from terminal.console import Terminal

_STOPS = {errno.ENOSPC, errno.EROFS, errno.EDQUOT}
"""What befalls every further plan, too."""


@dataclass(slots=True)
class Counts:
    """How many pages, or files without any, were..."""

    predicted: int = 0
    done_before: int = 0
    failed: int = 0
    boxes: int = 0


class Run:
    """One call of the command, after its model was opened."""

    def __init__(self, options: Options, model: Model, errors: Terminal) -> None:
        """`errors` shows progress, and which plans cannot be predicted on."""
        self._options, self._model, self._errors = options, model, errors
        self._to = ResultsFolder(options.to)
        self._records: list[Path] = []
        self.counts = Counts()

    def predict(self, plans: Sequence[Plan]) -> None:
        """Write the files of each plan, then those of all.

        Raises PredictionError if nothing can be written, PredictionUsageError if another command writes there.
        """
        with self._to.opened():
            with phase(self._errors, "predicting", len(plans), "plans") as advance:
                for plan in plans:
                    advance(1, self._one(plan))
            self._write_combined()

    def _one(self, plan: Plan) -> int:
        """The plan's bytes, 0 if it cannot be read."""
        size = 0
        try:
            data = plan.read()
            size = len(data)
            self._plan(plan, data)
        except (PlanError, ImageError) as error:
            self._fail(f"{sanitise(plan.place)} {error}.")
        except PlaceError as error:
            self._fail(str(error))
        except OSError as error:
            if error.errno in _STOPS:
                raise cannot_be_written(self._to.root, error) from None
            self._fail(
                f"{sanitise(plan.place)} is left out, as {error.filename or self._to.root} cannot be written"
                f" ({error.strerror or error}): move what is there, or give another --to."
            )
        return size

    def _fail(self, sentence: str) -> None:
        self.counts.failed += 1
        self._errors.print(sentence)

    def _plan(self, plan: Plan, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        with open_pages(data) as pages:
            count = len(pages)
            names = [plan.name] if count == 1 else [f"{plan.name}/page-{number}" for number in range(1, count + 1)]
            self._to.remove_other_pages(plan.name, names)
            for number in range(count):
                try:
                    self._page(names[number], pages, number, digest)
                except (PlanError, ImageError) as error:
                    if count == 1:
                        raise
                    self._fail(f"{sanitise(plan.place)}, page {number + 1}, {error}.")

    def _page(self, name: str, pages: Pages, number: int, digest: str) -> None:
        before = self._to.read(name)
        key = self._key(digest, number)
        wanted = {suffix: self._key_of_file(suffix, key) for suffix in self._suffixes()}
        if before is not None and (before.key != key or not self._knows_classes_of(before)):
            self._to.remove(name, before)
            before = None
        missing = {
            suffix
            for suffix, its_key in wanted.items()
            if before is None or before.files.get(suffix) != its_key or not self._to.path(name, suffix).exists()
        }
        self._records.append(self._to.path(name, SUFFIX))
        if before is not None and not missing:
            self.counts.done_before += 1
            self.counts.boxes += len(before.result.detections)
            return
        picture = pages.picture(number) if before is None or missing & _SHOW_THE_PICTURE else None
        record = before or self._predict(name, picture, key)
        self._to.path(name, SUFFIX).parent.mkdir(parents=True, exist_ok=True)
        for suffix, content in self._contents(missing, record.result, picture):
            write_atomically(self._to.path(name, suffix), content)
        write_record(self._to.path(name, SUFFIX), replace(record, files={**record.files, **wanted}))
        self.counts.predicted += 1
        self.counts.boxes += len(record.result.detections)

    def _knows_classes_of(self, record: Record) -> bool:
        """Whether the record's classes are the model's: it may have been edited."""
        return {each.label for each in record.result.detections} <= set(self._model.classes.values())

    def _predict(self, name: str, picture: Image.Image | None, key: str) -> Record:
        assert picture is not None
        tile = self._options.tile
        side = self._model.tile_side(picture.size, tile)
        found = predict_tiled(self._model.predict, picture, side, always=tile != "auto")
        if found.full:
            where = f"{found.full} of its {found.tiles} tiles" if found.tiles else "it"
            advice = "smaller tiles" if found.tiles else "--tile with half of its width"
            self._errors.print(
                f"{name}: the model found as many objects as it can on {where}, so there may be more: try {advice}."
            )
        result = PlanResult(written_name(name), picture.width, picture.height, found.detections)
        return Record(key, result, found.tiles, {})

    def _contents(
        self, suffixes: Collection[str], result: PlanResult, picture: Image.Image | None
    ) -> Iterator[tuple[str, bytes]]:
        if DRAWING in suffixes:
            assert picture is not None
            yield DRAWING, to_drawing(picture, result, list(self._model.classes.values()))
        formats = [name for name, suffix in PER_PLAN.items() if suffix in suffixes]
        plan = geometry_of(result) if formats else None
        for name in formats:
            assert plan is not None
            yield (
                PER_PLAN[name],
                plan_file(
                    name,
                    plan,
                    result.plan,
                    picture=picture,
                    metres_per_pixel=self._options.metres_per_pixel,
                    normalised=self._options.normalised,
                ),
            )

    def _suffixes(self) -> list[str]:
        drawings = [DRAWING] if self._options.draw else []
        return drawings + [PER_PLAN[name] for name in self._options.formats if name in PER_PLAN]

    def _key(self, digest: str, number: int) -> str:
        return key_of(
            {
                "plan": digest,
                "page": number,
                "model": self._model.digest,
                "backend": self._options.backend,
                "thresholds": dict(self._model.thresholds),
                "tile": self._options.tile,
            }
        )

    def _key_of_file(self, suffix: str, key: str) -> str:
        """Another one when the file would be another."""
        options = [self._options.metres_per_pixel, self._options.normalised] if suffix != DRAWING else []
        return key_of({"key": key, "suffix": suffix, "options": options})

    def _write_combined(self) -> None:
        """From the records, of those that have one: one plan at a time is in memory."""
        for each in (file for name in self._options.formats for file in COMBINED.get(name, ())):
            path = self._to.path(each.file_name, "")
            try:
                with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
                    each.write(file, self._results, self._model.classes)
            except OSError as error:
                raise cannot_be_written(path, error) from None

    def _results(self) -> Iterator[PlanResult]:
        for path in self._records:
            if (record := read_record(path)) is not None:
                yield record.result


_SHOW_THE_PICTURE = {DRAWING, PER_PLAN["svg"]}

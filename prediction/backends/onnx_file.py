"""model.onnx: what an exported model must be before a library opens it.

An ONNX file may name other files that hold its tensors, and the libraries then open them, wherever they are. So its
structure is read here first, field by field, in a time that does not grow with the weights. The numbers of the fields
are those of onnx.proto, with which a test compares them.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dataset_contract.out_of_memory import is_out_of_memory
from dataset_contract.sanitise import sanitise, short
from prediction.detection import Floats
from prediction.model_folder import ModelError, ModelSettings

ONNX_NAME = "model.onnx"
ONNX_FORMAT = "floorplan-dino-onnx/1"
"""What its metadata give as FORMAT_KEY."""
FORMAT_KEY, CLASSES_KEY = "format", "classes"
"""Keys of its metadata; the second tells how many logits a query has."""
INPUT, OUTPUTS = "image", ("logits", "boxes")
"""The names of an image (1, 3, H, W), normalised, and of what Backend.run gives."""

MESSAGES: Mapping[str, Mapping[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {},
}
"""By message, the fields below which there may be a tensor, and what message each is."""
METADATA = 14
"""The field of ModelProto that holds pairs of key (1) and value (2)."""
EXTERNAL = (13, 14)
"""The fields of TensorProto that say that its values are in another file."""

_LARGEST = 2**31
"""Bytes: no message of Protocol Buffers has more."""
_MOST_FIELDS = 1_000_000
"""A model of ours has some twenty thousand."""
_DEEPEST = 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Kinds of fields on the wire."""


class _OnnxError(ValueError):
    """The file cannot be used; the message is a clause that tells why."""


def check_onnx(path: Path, settings: ModelSettings) -> None:
    """Raise ModelError unless `path` is an exported model of ours, with as many classes as `settings` say."""
    try:
        metadata = _read(path)
        if (found := metadata.get(FORMAT_KEY)) != ONNX_FORMAT:
            raise _OnnxError(
                f"its format is {short(found)}, not {ONNX_FORMAT!r}" if found else "it is no export of ours"
            )
        if (classes := metadata.get(CLASSES_KEY)) != str(settings.config.num_classes):
            raise _OnnxError(f"it gives {short(classes)} as its classes, config.json {settings.config.num_classes}")
    except (OSError, _OnnxError) as error:
        raise _refused(path, error) from None


@contextmanager
def onnx_failures(path: Path, library: str) -> Iterator[None]:
    """Within it, `library` works with the model at `path`: whatever it raises is a ModelError."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # the libraries' own classes have no common base
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from error
        raise _refused(path, f"{library} says: {sanitise(error, longest=300)}") from error


def checked_outputs(outputs: tuple[Floats, Floats], settings: ModelSettings) -> tuple[Floats, Floats]:
    """`outputs`, unless they are not of Backend.run's shape. Raises ValueError."""
    logits, boxes = outputs
    if logits.dtype != np.float32 or boxes.dtype != np.float32 or boxes.ndim != 2:
        raise ValueError(
            f"its outputs are {logits.dtype} and {boxes.dtype} of the shapes {logits.shape}, {boxes.shape}"
        )
    if logits.shape != (len(boxes), settings.config.num_classes) or boxes.shape[1] != 4:
        raise ValueError(f"its outputs have the shapes {logits.shape} and {boxes.shape}")
    return outputs


def _refused(path: Path, reason: object) -> ModelError:
    if isinstance(reason, OSError):
        reason = reason.strerror or reason
    return ModelError(
        f"{path} cannot be used ({sanitise(reason, longest=400)}): export the model again with"
        " `python -m prediction export`, or take the backend torch."
    )


def _read(path: Path) -> dict[str, str]:
    """The metadata of a sound file without tensors elsewhere. Raises OSError or _OnnxError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _OnnxError("it is not a regular file")
        if not 0 < status.st_size < _LARGEST:
            raise _OnnxError(f"it has {status.st_size:,} bytes")
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content, memoryview(content) as data:
            return _Reader(data).metadata()
    finally:
        os.close(descriptor)


class _Reader:
    """Walks through the messages of one file."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._fields = 0

    def metadata(self) -> dict[str, str]:
        """Of the model, all of whose messages are looked at."""
        end = len(self._data)
        self._check("ModelProto", 0, end, 0)
        found: dict[str, str] = {}
        for number, kind, start, stop in self._fields_of(0, end):
            if number == METADATA and kind == _BYTES:
                pair = {
                    key: bytes(self._data[low : min(high, low + 200)]).decode(errors="replace")
                    for key, _, low, high in self._fields_of(start, stop)
                }
                found[pair.get(1, "")] = pair.get(2, "")
        return found

    def _check(self, message: str, start: int, end: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise _OnnxError("its graphs are nested too deeply")
        inner = MESSAGES[message]
        for number, kind, low, high in self._fields_of(start, end):
            if message == "TensorProto" and number in EXTERNAL:
                raise _OnnxError("its tensors are in other files")
            if number in inner:
                if kind != _BYTES:
                    raise _OnnxError("it is damaged")
                self._check(inner[number], low, high, depth + 1)

    def _fields_of(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """(number, kind, start, end) of each field of the message between `start` and `end`."""
        while start < end:
            self._fields += 1
            if self._fields > _MOST_FIELDS:
                raise _OnnxError("it has more fields than a model")
            key, start = self._varint(start, end)
            number, kind = key >> 3, key & 7
            if kind == _VARINT:
                _, stop = self._varint(start, end)
            elif kind == _BYTES:
                length, start = self._varint(start, end)
                stop = start + length
            elif kind in (_FIXED64, _FIXED32):
                stop = start + (8 if kind == _FIXED64 else 4)
            else:
                raise _OnnxError("it is damaged, or not ONNX")
            if stop > end:
                raise _OnnxError("it is cut short, or not ONNX")
            yield number, kind, start, stop
            start = stop

    def _varint(self, start: int, end: int) -> tuple[int, int]:
        """The number at `start`, and where it ends."""
        value = 0
        for index in range(10):
            if start + index >= end:
                break
            byte = self._data[start + index]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value, start + index + 1
        raise _OnnxError("it is cut short, or not ONNX")

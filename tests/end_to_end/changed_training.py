"""The deployed trainer exchanged for a while: for another, or with settings that a quote would refuse."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.end_to_end.deployed import Deployed

RECIPES = "training_code/recipes.py"


@contextmanager
def exchanged_training_code(deployed: Deployed) -> Iterator[bytes]:
    """Meanwhile the archive that Launch has its jobs run may be another one; what it is otherwise."""
    s3, (bucket, key) = deployed.session.client("s3"), deployed.training_code()
    original = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        yield original
    finally:
        deployed.put_training_code(original)


@contextmanager
def tiny_preset(deployed: Deployed, **settings: object) -> Iterator[None]:
    """Meanwhile jobs are launched with the preset's training settings changed so."""
    with exchanged_training_code(deployed) as original:
        deployed.put_training_code(with_settings(original, settings))
        yield


def with_settings(archive: bytes, settings: dict[str, object]) -> bytes:
    """The archive with lines at the end of the recipes' file that change the one."""
    lines = (
        "\nimport dataclasses\n"
        f"_tiny = RECIPES['tiny']\n_training = dataclasses.replace(_tiny.training, **{settings!r})\n"
        "RECIPES = RECIPES | {'tiny': dataclasses.replace(_tiny, training=_training)}\n"
    )
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) + (lines.encode() if name == RECIPES else b""))
    return changed.getvalue()

"""The deployed trainer with other settings of its preset `tiny`: those that a request cannot ask for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.end_to_end.deployed import Deployed

PRESETS = "training_code/presets.py"


@contextmanager
def tiny_preset(deployed: Deployed, **settings: object) -> Iterator[None]:
    """Meanwhile jobs are launched with the preset's training settings changed so."""
    s3, (bucket, key) = deployed.session.client("s3"), deployed.training_code()
    original = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=with_settings(original, settings))
    try:
        yield
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=original)


def with_settings(archive: bytes, settings: dict[str, object]) -> bytes:
    """The archive with lines at the end of the presets' file that change the one."""
    lines = (
        "\nimport dataclasses\n"
        f"_tiny = PRESETS['tiny']\n_training = dataclasses.replace(_tiny.training, **{settings!r})\n"
        "PRESETS = PRESETS | {'tiny': dataclasses.replace(_tiny, training=_training)}\n"
    )
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) + (lines.encode() if name == PRESETS else b""))
    return changed.getvalue()

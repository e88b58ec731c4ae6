"""What several tests of the preparation need: sample plans, and small pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dataset_prep.samples import write_samples

PLANS = 9


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample plans in CubiCasa5K's layout. Not to be changed."""
    root = tmp_path_factory.mktemp("samples") / "plans"
    write_samples(root, PLANS, seed=7)
    return root


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Makes a picture file below the test's folder: picture("a/b.png", size=(40, 30), mode="RGB", **save options)."""

    def make(
        name: str, *, size: tuple[int, int] = (40, 30), mode: str = "RGB", colour: object = 255, **save: object
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = len(Image.new(mode, (1, 1)).getbands())
        fill = colour if bands == 1 or isinstance(colour, tuple) else (colour,) * bands
        Image.new(mode, size, fill).save(path, **save)  # type: ignore[arg-type]
        return path

    return make

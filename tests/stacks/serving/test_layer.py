"""What Lambda gets: all that the function imports, nothing of torch, and no more bytes than it accepts."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from stacks.container_wheels import WheelsError
from stacks.serving import layer
from stacks.serving.layer import LOCK_FILE, MAX_UNPACKED_BYTES, SOURCES, serving_wheels, unpacked
from stacks.staging import ROOT, staged
from tests.stacks.conftest import synthesised
from tests.without_checkout import run_without_checkout

IMPORTED = """
import sys
class Missing:  # on Lambda
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('torch', 'openvino', 'onnx', 'safetensors', 'scipy', 'ezdxf', 'rich'):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
import serving.handler, serving.answer
from prediction.vectors import floor_plan
from prediction.plans import pdf_pages
from prediction.backends.onnxruntime_backend import OnnxRuntimeBackend
"""


def test_the_function_imports_without_the_repository_and_without_torch(tmp_path: Path) -> None:
    with staged(SOURCES) as folder:
        done = run_without_checkout(IMPORTED, folders=[folder], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_layer_and_code_together_are_smaller_than_lambda_accepts() -> None:
    """By what the wheels say of their content: unpacking them would take seconds."""
    try:
        wheels = serving_wheels()
    except WheelsError as error:
        pytest.skip(str(error))
    size = 0
    for wheel in wheels.iterdir():
        with zipfile.ZipFile(wheel) as archive:
            size += sum(each.file_size for each in archive.infolist())
    with staged(SOURCES) as folder:
        size += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert 100e6 < size < MAX_UNPACKED_BYTES - 50e6, f"{size:,} bytes"


def test_more_than_lambda_accepts_is_refused_before_a_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(bytes(60))
    (tmp_path / "two").write_bytes(bytes(41))
    monkeypatch.setattr(layer, "MAX_UNPACKED_BYTES", 101)
    layer.check_size(tmp_path)
    (tmp_path / "two").write_bytes(bytes(42))
    with pytest.raises(WheelsError, match=r"have 102 bytes unpacked, more than the 101 that Lambda accepts: leave out"):
        layer.check_size(tmp_path)
    with pytest.raises(WheelsError):  # by the synthesis, too, which app.py ends with the sentence
        synthesised(tmp_path / "out", tmp_path, serving="true")


def test_the_wheels_are_unpacked_where_lambdas_python_looks(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", "")
    with unpacked(tmp_path) as folder:
        assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")} == {
            "python/one/__init__.py",
            "python/two/__init__.py",
        }
    assert not folder.exists()


def test_the_lock_pins_the_versions_that_are_tested_here() -> None:
    pins = set(re.findall(r"^([\w-]+==[\w.]+) \\$", LOCK_FILE.read_text(), re.MULTILINE))
    assert len(pins) == 8
    assert pins <= set(re.findall(r"^([\w-]+==[\w.]+) ", (ROOT / "requirements.lock").read_text(), re.MULTILINE))

"""What travels to Lambda and to SageMaker: all that is imported there, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from stacks.staging import staged

Resources = dict[str, list[dict[str, Any]]]


def asset_with(assembly: Path, name: str) -> Path:
    (found,) = [folder for folder in assembly.glob("asset.*") if (folder / name).exists()]
    return found


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_functions_import_without_the_repository(assembly: Path, resources: Resources) -> None:
    """Each handler, with nothing on the path but the asset and the installed boto3."""
    folder = asset_with(assembly, "pipeline")
    handlers = [item["Properties"]["Handler"].removesuffix(".handler") for item in resources["AWS::Lambda::Function"]]
    loaded = "import sys; print(*(name for name in ('torch', 'numpy', 'PIL') if name in sys.modules))"
    # -I leaves the folder and the environment's PYTHONPATH out of the path.
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import {', '.join(handlers)}; {loaded}"
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "")


def test_the_functions_bring_no_more_than_python_files(assembly: Path) -> None:
    found = files(asset_with(assembly, "pipeline"))
    assert {path.split("/")[0] for path in found} == {"pipeline", "dataset_contract", "training_code"}
    assert {path for path in found if path.startswith("training_code")} == {
        "training_code/__init__.py",
        "training_code/config.py",
        "training_code/health.py",
        "training_code/metric_lines.py",
        "training_code/presets.py",
    }
    assert not {path for path in found if not path.endswith(".py")}


def test_the_training_code_brings_what_the_containers_entry_point_uses(assembly: Path) -> None:
    found = files(asset_with(assembly, "wheels"))
    assert {path.split("/")[0] for path in found} == {"training_code", "dataset_contract", "wheels"}
    assert {"training_code/train.py", "training_code/requirements.lock", "dataset_contract/check.py"} <= found
    assert not {path for path in found if "__pycache__" in path or path.endswith(".pyc")}


def test_the_same_sources_are_the_same_asset(tmp_path: Path) -> None:
    """What runs and editors leave behind must not make every deployment a new one."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "code.py").write_text("pass\n")
    with staged({"code": source}) as folder:
        before = files(folder)
    (source / "sub" / "__pycache__").mkdir()
    (source / "sub" / "__pycache__" / "code.cpython-311.pyc").write_bytes(b"")
    (source / ".DS_Store").write_bytes(b"")
    with staged({"code": source}) as folder:
        assert files(folder) == before == {"code/sub/code.py"}
    assert not folder.exists()


def test_all_functions_share_one_asset(resources: Resources) -> None:
    keys = {json.dumps(item["Properties"]["Code"]["S3Key"]) for item in resources["AWS::Lambda::Function"]}
    assert len(keys) == 1

"""What travels to Lambda and to SageMaker: all that is imported there, and nothing else."""

import json
from pathlib import Path
from typing import Any

from checkout.version import DEPLOYED
from stacks import pipeline_functions
from stacks.serving import layer as serving_layer
from stacks.staging import ROOT, staged
from stacks.training_code_asset import SOURCES
from tests.without_checkout import run_without_checkout

Resources = dict[str, list[dict[str, Any]]]


def asset_with(assembly: Path, name: str) -> Path:
    (found,) = [folder for folder in assembly.glob("asset.*") if (folder / name).exists()]
    return found


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_functions_import_without_the_repository(assembly: Path, resources: Resources, tmp_path: Path) -> None:
    """Each handler, with nothing on the path but the asset and the installed boto3."""
    folder = asset_with(assembly, "pipeline")
    handlers = [item["Properties"]["Handler"].removesuffix(".handler") for item in resources["AWS::Lambda::Function"]]
    loaded = "import sys; print(*(name for name in ('torch', 'numpy', 'PIL') if name in sys.modules))"
    done = run_without_checkout(f"import {', '.join(handlers)}; {loaded}", folders=[folder], cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", "")


def test_the_functions_bring_no_more_than_python_files(assembly: Path) -> None:
    found = files(asset_with(assembly, "pipeline"))
    packages = {"archive_reader", "pipeline", "dataset_contract", "evaluation", "training_code"}
    assert {path.split("/")[0] for path in found} == packages
    assert {path.split("/")[1] for path in found if path.startswith("evaluation")} == {
        "__init__.py",
        "refusal.py",
        "results",
    }
    assert {path for path in found if path.startswith("training_code")} == {
        "training_code/__init__.py",
        "training_code/config.py",
        "training_code/config_checks.py",
        "training_code/measured_batch.py",
        "training_code/model_config.py",
        "training_code/job/__init__.py",
        "training_code/job/health.py",
        "training_code/job/checkpoint_layout.py",
        "training_code/job/metric_lines.py",
        "training_code/recipes.py",
        "training_code/training_settings.py",
    }
    assert not {path for path in found if not path.endswith(".py")}


def test_the_training_code_brings_what_the_containers_entry_point_uses(assembly: Path) -> None:
    found = files(asset_with(assembly, "wheels"))
    assert {path.split("/")[0] for path in found} == {*(source.split("/")[0] for source in SOURCES), "wheels"}
    assert {"training_code/train.py", "training_code/requirements.lock", "dataset_contract/check.py"} <= found
    assert not {path for path in found if "__pycache__" in path or path.endswith(".pyc")}


def test_the_training_code_imports_without_the_repository(assembly: Path, tmp_path: Path) -> None:
    folder = asset_with(assembly, "wheels")
    modules = sorted(name.removesuffix(".py").replace("/", ".") for name in files(folder) if name.endswith(".py"))
    done = run_without_checkout(f"import {', '.join(modules)}", folders=[folder], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


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


def test_the_code_version_is_of_all_that_the_assets_hold() -> None:
    sources = [*pipeline_functions._SOURCES.values(), *serving_layer.SOURCES.values()]
    sources += [ROOT / name for name in SOURCES]
    assert {source.relative_to(ROOT).parts[0] for source in sources} <= set(DEPLOYED)

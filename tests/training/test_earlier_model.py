"""An earlier model is continued as a whole, class by class, and what is none is refused in one sentence."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from prediction.model_folder import MODEL_FORMAT
from prediction.torch_model import weights_by_name
from tests.archive_reader.hostile_archives import HOSTILE
from tests.contract.test_bounded_json import ATTACKS
from tests.training.training_jobs import SMALL, Job
from training_code import train
from training_code.dino.model import DINO, build_model
from training_code.job.failures import JobConfigError
from training_code.job.health import judge_health
from training_code.job.starting_weights import load_starting_weights
from training_code.recipes import RECIPES

CLASSES = {"wall": 1, "room": 2}
TINY = RECIPES["tiny"].model


def config(classes: dict[str, int], **more: Any) -> bytes:
    listed = [{"id": number, "name": name} for name, number in classes.items()]
    return json.dumps({"format": MODEL_FORMAT, "classes": listed, **more}).encode()


def pack(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def load(folder: Path, files: dict[str, bytes] | bytes, classes: dict[str, int] = CLASSES) -> DINO:
    path = folder / "model.tar.gz"
    path.write_bytes(files) if isinstance(files, bytes) else pack(path, files)
    model = build_model(TINY.with_classes(max(classes.values()) + 1))
    assert load_starting_weights(model, folder, classes, lambda _: None)
    return model


@pytest.fixture(scope="module")
def earlier() -> DINO:
    torch.manual_seed(7)
    model = build_model(TINY.with_classes(3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


@pytest.fixture(scope="module")
def files(earlier: DINO) -> dict[str, bytes]:
    return {"./config.json": config(CLASSES), "./model.safetensors": save(weights_by_name(earlier)), "code/x.py": b"x"}


def test_all_weights_are_taken_class_heads_included(tmp_path: Path, earlier: DINO, files: dict[str, bytes]) -> None:
    model = load(tmp_path, files)
    assert all(torch.equal(value, earlier.state_dict()[name]) for name, value in model.state_dict().items())


def test_the_same_classes_with_other_ids_keep_their_own_weights(
    tmp_path: Path, earlier: DINO, files: dict[str, bytes]
) -> None:
    model = load(tmp_path, files, {"room": 1, "wall": 4})
    for name in (
        "transformer.decoder.class_embed.0.weight",
        "transformer.enc_out_class_embed.bias",
        "label_enc.weight",
    ):
        old, new = earlier.state_dict()[name], model.state_dict()[name]
        assert torch.equal(new[1], old[2])
        assert torch.equal(new[4], old[1])
    name = "transformer.level_embed"
    assert torch.equal(model.state_dict()[name], earlier.state_dict()[name])


def test_what_is_no_model_to_continue_is_refused(tmp_path: Path, files: dict[str, bytes], earlier: DINO) -> None:
    weights, whole = files["./model.safetensors"], tmp_path.with_name("whole")
    pack(whole, files)
    shallow = {name: value for name, value in weights_by_name(earlier).items() if "encoder.layers.1" not in name}
    cases: list[tuple[dict[str, bytes] | bytes, str]] = [
        (b"<html>", "damaged or no model"),
        (whole.read_bytes()[:5000], "damaged or no model"),
        ({"config.json": config(CLASSES)}, "lacks model.safetensors"),
        ({"../config.json": config(CLASSES), "model.safetensors": weights}, "leaves its folder"),
        *((attack, "damaged or no model: the archive ") for attack in HOSTILE.values()),
        *(({**files, "./config.json": attack}, "no model that can be continued: it ") for attack in ATTACKS.values()),
        ({**files, "./config.json": b"{"}, "no model that can be continued"),
        ({**files, "./config.json": b"[]"}, "no model that can be continued"),
        ({**files, "./config.json": config(CLASSES, format="other/1")}, "the format is 'other/1'"),
        ({**files, "./model.safetensors": weights[:1000]}, "no model that can be continued"),
        ({**files, "./config.json": config({"wall": 1, "door": 2})}, "has the classes wall, door, but the data set"),
        ({**files, "./config.json": config({"wall": 1, "room": 9})}, "an id that its weights do not have"),
        ({**files, "./model.safetensors": save(shallow)}, "not of this architecture"),
    ]
    for content, said in cases:
        with pytest.raises(JobConfigError) as refusal:
            load(tmp_path, content)
        assert said in str(refusal.value), said
        assert str(refusal.value).isprintable()
    assert {path.name for path in tmp_path.iterdir()} == {"model.tar.gz"}, "nothing is unpacked"


def test_a_model_that_is_continued_may_stay_level_but_not_rise() -> None:
    def status(losses: list[float]) -> str:
        return str(judge_health(losses, seconds=900, needed_minutes=10, from_scratch=False)["status"])

    assert status([2.0, 2.1] * 50) == "healthy"
    assert status([2.0 + step / 40 for step in range(100)]) == "unhealthy"


def test_a_job_goes_on_where_the_earlier_ones_loss_was(run_here: Job, capsys: pytest.CaptureFixture[str]) -> None:
    run_here.configure(**SMALL, epochs="6")
    assert train.main() == 0
    first = run_here.losses()
    channel = run_here.base / "input" / "data" / "pretrained"
    channel.mkdir()
    with tarfile.open(channel / "model.tar.gz", "w:gz") as tar:
        tar.add(run_here.model, arcname=".")
    for folder in ("model", "checkpoints", "output"):
        (run_here.base / folder).rename(run_here.base / f"earlier-{folder}")
    run_here.configure(**SMALL, epochs="1", learning_rate="7e-5", backbone_learning_rate="7e-5")
    assert train.main() == 0
    assert run_here.losses()[0]["loss"] < first[0]["loss"]
    assert "left " not in capsys.readouterr().out

"""Checkpoints: official ones load, hostile and damaged ones are refused, and every tensor's fate is told."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import safetensors.torch
import torch

from prediction import torch_model
from tests.dino.small_dino import SMALL, build_small
from training_code.dino.checkpoint_loading import CheckpointError, load_for_fine_tuning, read_weights


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._proof}",)


def test_an_official_checkpoint_with_its_namespace_loads_completely(tmp_path: Path) -> None:
    source = build_small()
    file = tmp_path / "checkpoint.pth"
    torch.save({"model": source.state_dict(), "args": argparse.Namespace(lr=1e-4, names=["a"]), "epoch": 11}, file)
    model = build_small(SMALL)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    model.load_state_dict(read_weights(file), strict=True)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), source.parameters(), strict=True))


def test_weights_of_a_distributed_run_lose_their_prefix(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    state = {f"module.{name}": value.clone() for name, value in build_small().state_dict().items()}
    safetensors.torch.save_file(state, file)
    build_small().load_state_dict(read_weights(file), strict=True)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"model": state, "ema": None, "epoch": 3},
        lambda state: {"state_dict": state, "optimizer": {"lr": 1e-4}},
        lambda state: {"model_state_dict": state},
        lambda state: {"ema": state},
        lambda state: {"ema_model": state, "model": {}},
        lambda state: {"ema": {"module": state, "updates": 7}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {"model": {f"_orig_mod.{name}": value for name, value in state.items()}},
        lambda state: {f"module._orig_mod.{name}": value for name, value in state.items()},
        lambda state: {f"_orig_mod.module.{name}": value for name, value in state.items()},
        lambda state: {"n_averaged": torch.tensor(9)} | {f"module.{name}": value for name, value in state.items()},
    ],
)
def test_weights_are_found_wherever_training_programs_keep_them(
    tmp_path: Path, wrap: Callable[[dict[str, torch.Tensor]], dict[str, object]]
) -> None:
    source = build_small().state_dict()
    torch.save(wrap(source), tmp_path / "wrapped.pth")
    found = read_weights(tmp_path / "wrapped.pth")
    found.pop("n_averaged", None)
    assert found.keys() == source.keys()
    assert all(torch.equal(found[name], value) for name, value in source.items())


def test_the_content_decides_what_kind_of_file_it_is(tmp_path: Path) -> None:
    state = {name: value.clone() for name, value in build_small().state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "weights.pth")
    torch.save(state, tmp_path / "weights.safetensors")
    assert read_weights(tmp_path / "weights.pth").keys() == state.keys()
    assert read_weights(tmp_path / "weights.safetensors").keys() == state.keys()


@pytest.mark.parametrize("name", ["dino.pth", "dino.safetensors"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page"),
        (b"\xef\xbb\xbf \n<html>not found</html>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "a Git LFS pointer"),
        (b"", "empty"),
    ],
)
def test_a_download_that_went_wrong_is_named(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError) as refusal:
        read_weights(tmp_path / name)
    assert str(refusal.value) == f"{tmp_path / name} is {what}, no checkpoint: fetch it again."


@pytest.mark.parametrize("content", [b"hello world\n", b'{"message": "not found"}', b"\x1f\x8b\x08 gzip", bytes(2000)])
def test_what_is_no_checkpoint_is_to_be_fetched_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dino.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"dino\.pth is damaged or no checkpoint: fetch it again\."):
        read_weights(tmp_path / "dino.pth")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("legacy", [False, True])
def test_a_damaged_checkpoint_is_never_more_than_a_sentence(tmp_path: Path, legacy: bool) -> None:
    """Cut off, or with a few other bytes in it: the readers raise whatever they like."""
    file = tmp_path / "dino.pth"
    state = {"model": {"a.weight": torch.ones(3, 4)}, "args": argparse.Namespace(lr=1)}
    torch.save(state, file, _use_new_zipfile_serialization=not legacy)
    whole = file.read_bytes()
    for seed in range(100):
        random = Random(seed)
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        file.write_bytes(damaged[: random.randrange(len(damaged))] if seed % 2 else damaged)
        with contextlib.suppress(CheckpointError):
            read_weights(file)


def test_a_whole_model_is_not_unpickled(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pth")
    with pytest.raises(CheckpointError, match=r"whole\.pth holds more than tensors"):
        read_weights(tmp_path / "whole.pth")


def test_a_file_without_weights_says_what_it_holds(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "net": {"a": torch.ones(1)}}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"\(it holds 'epoch', 'net'\)"):
        read_weights(tmp_path / "other.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_weights_that_are_not_finite_are_named(value: float) -> None:
    """1e300 is finite in the file's fp64, and infinite in the model."""
    weights = {name: tensor.double() for name, tensor in build_small().state_dict().items()}
    weights["backbone.0.body.layer2.0.conv1.weight"][0, 0] = value
    with pytest.raises(CheckpointError, match=r"tensor backbone\.0\.body\.layer2\.0\.conv1\.weight holds NaN or inf"):
        load_for_fine_tuning(build_small(), weights)
    weights["backbone.0.body.layer3.0.conv1.weight"][0, 0] = value
    with pytest.raises(CheckpointError, match="and 1 more holds NaN"):
        load_for_fine_tuning(build_small(), weights)


@pytest.mark.parametrize("where", ["model", "args"])
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path, where: str) -> None:
    file, proof = tmp_path / "checkpoint.pth", tmp_path / "proof"
    content: dict[str, object] = {"model": {}, "args": argparse.Namespace()}
    torch.save(content | {where: Hostile(proof)}, file)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pth holds more than tensors"):
        read_weights(file)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"<html>not found</html>"])
def test_a_damaged_file_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        read_weights(tmp_path / name)


def test_a_missing_file_and_one_without_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        read_weights(tmp_path / "none.pth")
    for content in ([1, 2], {"epoch": 3}, {}):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(CheckpointError, match=r"other\.pth"):
            read_weights(tmp_path / "other.pth")


def test_another_number_of_classes_leaves_the_class_heads_and_says_so() -> None:
    weights = build_small(replace(SMALL, num_classes=7)).state_dict()
    model = build_small()
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    report = load_for_fine_tuning(model, weights)
    heads = {name for name in fresh if "class_embed" in name} | {"label_enc.weight"}
    assert {entry.split(" ")[0] for entry in report.left} == heads
    assert set(report.taken) == set(fresh) - heads and not report.resized and not report.unused
    for name, value in model.state_dict().items():
        assert torch.equal(value, fresh[name] if name in heads else weights[name]), name
    assert "left     class_embed.0.weight (file (7, 32), model (3, 32))" in "\n".join(report.lines())
    assert f"{len(report.taken)} of the model's {len(fresh)} tensors taken" in report.lines()[0]


def test_an_official_file_of_91_classes_says_of_each_tensor_what_two_classes_take_of_it(tmp_path: Path) -> None:
    """Taken ones by part, with their number; the resized and the left ones each by name, with both shapes."""
    official = build_small(replace(SMALL, num_classes=91, num_queries=20))
    torch.save({"model": official.state_dict(), "args": argparse.Namespace(num_classes=91)}, tmp_path / "dino.pth")
    model = build_small(replace(SMALL, num_classes=2))
    first, *rest = load_for_fine_tuning(model, read_weights(tmp_path / "dino.pth")).lines()
    heads = [f"{place}class_embed.{layer}" for place in ("", "transformer.decoder.") for layer in range(3)]
    left = {f"{head}.{kind}" for head in [*heads, "transformer.enc_out_class_embed"] for kind in ("weight", "bias")}
    names = {line.split()[1] for line in rest if line.startswith("  left ")}
    assert names == left | {"label_enc.weight"}
    assert "  left     class_embed.0.bias (file (91,), model (2,))" in rest
    assert [line for line in rest if line.startswith("  resized ")] == [
        "  resized  transformer.tgt_embed.weight (20, 32) -> (12, 32)"
    ]
    total = len(model.state_dict())
    taken = sum(int(line.rsplit("(")[-1].rstrip(")")) for line in rest if line.startswith("  taken "))
    assert taken == total - len(names) - 1
    assert first == f"Weights: {taken} of the model's {total} tensors taken as they are"


def test_another_number_of_queries_keeps_the_first_contents() -> None:
    weights = build_small(replace(SMALL, num_queries=20)).state_dict()
    model = build_small()
    report = load_for_fine_tuning(model, weights)
    assert report.resized == ["transformer.tgt_embed.weight (20, 32) -> (12, 32)"] and not report.left
    assert torch.equal(model.transformer.tgt_embed.weight, weights["transformer.tgt_embed.weight"][:12])


def test_plain_resnet_weights_become_the_backbones(tmp_path: Path) -> None:
    prefix = "backbone.0.body."
    body = {k.removeprefix(prefix): v + 1 for k, v in build_small().state_dict().items() if k.startswith(prefix)}
    extra = {"fc.weight": torch.zeros(10, 256), "bn1.num_batches_tracked": torch.tensor(7)}
    torch.save(body | extra, tmp_path / "resnet.pth")
    model = build_small()
    report = load_for_fine_tuning(model, read_weights(tmp_path / "resnet.pth"))
    assert len(report.taken) == len(body) and not report.unused
    assert torch.equal(model.state_dict()[f"{prefix}conv1.weight"], body["conv1.weight"])


def test_a_tensor_that_the_model_shares_may_come_under_any_of_its_names() -> None:
    source, model = build_small(), build_small()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    report = load_for_fine_tuning(model, torch_model.weights_by_name(source))
    assert not report.left and not report.unused
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), source.parameters(), strict=True))


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(CheckpointError, match="No tensor of the checkpoint fits"):
        load_for_fine_tuning(build_small(), {"encoder.weight": torch.zeros(3)})

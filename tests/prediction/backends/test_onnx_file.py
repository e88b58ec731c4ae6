"""A model.onnx is refused in one sentence unless it is an export of ours, whole, and without files beside it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from prediction.backends.onnx_file import (
    CLASSES_KEY,
    EXTERNAL,
    FORMAT_KEY,
    MESSAGES,
    METADATA,
    ONNX_FORMAT,
    ONNX_NAME,
    check_onnx,
)
from prediction.model_folder import ModelError, ModelSettings
from prediction.predictor import Predictor
from tests.dino.small_dino import SMALL

SETTINGS = ModelSettings(SMALL, {1: "wall", 2: "room"}, 64, 96)
OURS = {FORMAT_KEY: ONNX_FORMAT, CLASSES_KEY: str(SMALL.num_classes)}
OTHER = "other"


def elsewhere(place: str = f"../{OTHER}") -> TensorProto:
    """A tensor whose values are in another file."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return tensor


def graph(nodes: list[onnx.NodeProto], *tensors: TensorProto, name: str = "g") -> onnx.GraphProto:
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [output], initializer=tensors)


def model_of(inner: onnx.GraphProto, metadata: dict[str, str] | None = None) -> ModelProto:
    made = helper.make_model(inner)
    helper.set_model_props(made, OURS if metadata is None else metadata)
    return made


def identity(source: str = "w") -> onnx.NodeProto:
    return helper.make_node("Identity", [source], ["logits"])


def in_a_branch() -> ModelProto:
    branch = graph([identity()], elsewhere(), name="branch")
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    return model_of(
        graph([helper.make_node("If", ["c"], ["logits"], then_branch=branch, else_branch=branch)], condition)
    )


def in_a_function() -> ModelProto:
    made = model_of(graph([identity()]))
    made.functions.append(
        helper.make_function("d", "f", [], ["y"], [helper.make_node("Constant", [], ["y"], value=elsewhere())], [])
    )
    return made


def in_a_sparse_tensor() -> ModelProto:
    made = model_of(graph([identity()]))
    made.graph.sparse_initializer.add().values.CopyFrom(elsewhere())
    return made


def in_training_information() -> ModelProto:
    made = model_of(graph([identity()]))
    made.training_info.add().algorithm.CopyFrom(graph([identity()], elsewhere(), name="t"))
    return made


WITH_OTHER_FILES: dict[str, Callable[[], ModelProto]] = {
    "weights": lambda: model_of(graph([identity()], elsewhere())),
    "absolute": lambda: model_of(graph([identity()], elsewhere("/etc/hostname"))),
    "beside it": lambda: model_of(graph([identity()], elsewhere("model.onnx.data"))),
    "constant": lambda: model_of(graph([helper.make_node("Constant", [], ["logits"], value=elsewhere())])),
    "branch": in_a_branch,
    "function": in_a_function,
    "sparse": in_a_sparse_tensor,
    "training": in_training_information,
}


@pytest.mark.parametrize("made", WITH_OTHER_FILES.values(), ids=WITH_OTHER_FILES)
@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_model_that_names_other_files_is_refused(
    exported_model: Path, tmp_path: Path, made: Callable[[], ModelProto], backend: str
) -> None:
    (tmp_path / OTHER).write_bytes(bytes(4))
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(exported_model / "config.json", folder)
    (folder / ONNX_NAME).write_bytes(made().SerializeToString())
    with pytest.raises(ModelError, match=r"model\.onnx cannot be used \(its tensors are in other files\): export"):
        Predictor.load(folder, backend=backend)


def test_the_fields_are_those_of_onnx() -> None:
    """Every way from a model to a tensor."""
    ways: dict[str, dict[int, str]] = {}
    waiting = [ModelProto.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        inner = {each.number: each.message_type for each in message.fields if each.message_type}
        ways[message.name] = {number: descriptor.name for number, descriptor in inner.items()}
        waiting += [descriptor for descriptor in inner.values() if descriptor.name not in ways]
    holders = {"TensorProto"}
    while more := {name for name, inner in ways.items() if holders & set(inner.values())} - holders:
        holders |= more
    expected = {name: {number: each for number, each in ways[name].items() if each in holders} for name in holders}
    assert expected == MESSAGES
    fields = TensorProto.DESCRIPTOR.fields_by_name
    assert (fields["external_data"].number, fields["data_location"].number) == EXTERNAL
    assert ModelProto.DESCRIPTOR.fields_by_name["metadata_props"].number == METADATA


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as refused:
        check_onnx(path, SETTINGS)
    sentence = str(refused.value)
    assert sentence.startswith(f"{path} cannot be used (") and "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it has 0 bytes"),
        (b"<html><body>Not found</body></html>", "not ONNX"),
        (model_of(graph([identity()]), {}).SerializeToString(), "it is no export of ours"),
        (model_of(graph([identity()]), {FORMAT_KEY: "x\x1b[2J/2"}).SerializeToString(), "its format is 'x"),
        (
            model_of(graph([identity()]), OURS | {CLASSES_KEY: "7"}).SerializeToString(),
            "it gives '7' as its classes, config.json 3",
        ),
        (
            model_of(graph([identity()]), {FORMAT_KEY: ONNX_FORMAT}).SerializeToString(),
            "it gives nothing as its classes",
        ),
    ],
    ids=["empty", "a page", "foreign", "format", "classes", "no classes"],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / ONNX_NAME
    path.write_bytes(content)
    sentence = refusal(path)
    assert "\x1b" not in sentence
    assert re.search(words, sentence), sentence


def test_a_file_that_breaks_off_is_refused(exported_model: Path, tmp_path: Path) -> None:
    content, path = (exported_model / ONNX_NAME).read_bytes(), tmp_path / ONNX_NAME
    for kept in (1, 10, len(content) // 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:kept])
        refusal(path)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ONNX_NAME)
    assert "not a regular file" in refusal(tmp_path / ONNX_NAME)


def test_graphs_in_graphs_end(tmp_path: Path) -> None:
    inner = graph([identity()])
    for _ in range(30):
        inner = graph([helper.make_node("If", ["c"], ["logits"], then_branch=inner)])
    (tmp_path / ONNX_NAME).write_bytes(model_of(inner).SerializeToString())
    assert "nested too deeply" in refusal(tmp_path / ONNX_NAME)


@given(content=st.binary(max_size=300))
@settings(max_examples=200)
def test_no_bytes_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    refusal(path)


def other_outputs() -> ModelProto:
    """Claims to be ours, but gives two numbers whatever the image is."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 1]) for name in ("logits", "boxes")]
    nodes = [helper.make_node("Identity", ["w"], [name]) for name in ("logits", "boxes")]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2, 1], [1.0, 2.0])
    made = helper.make_model(
        helper.make_graph(nodes, "g", [image], outputs, initializer=[weights]),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )
    helper.set_model_props(made, OURS)
    return made


def unknown_operation() -> ModelProto:
    made = other_outputs()
    made.graph.node[0].op_type = "Teleport"
    return made


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
@pytest.mark.parametrize("made", [other_outputs, unknown_operation])
def test_what_only_claims_to_be_ours_is_refused_by_the_time_it_predicts(
    exported_model: Path, tmp_path: Path, made: Callable[[], ModelProto], backend: str
) -> None:
    shutil.copy(exported_model / "config.json", tmp_path)
    (tmp_path / ONNX_NAME).write_bytes(made().SerializeToString())
    with pytest.raises(ModelError, match=r"^.*model\.onnx cannot be used \((onnxruntime|OpenVINO) says: .*\.$"):
        Predictor.load(tmp_path, backend=backend).backend.run(np.zeros((3, 64, 64), np.uint8))

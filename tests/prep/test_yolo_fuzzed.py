"""Whatever stands in a YOLO data set's files, reading it ends in findings or in one sentence, never in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.yolo import read_yolo
from tests.prep.yolo_tree import LABELS, YAML_LIST, Tree


def refused_or_read(root: Path) -> None:
    """Reads a data set: whatever is in it, that ends in a source with findings or in one sentence."""
    try:
        source = read_yolo(root, None)
    except (PrepError, UsageError) as refused:
        assert str(refused) and "\n" not in str(refused)
        str(refused).encode()
    else:
        for finding in source.findings:
            assert f"{finding.message} {finding.fix} {finding.file}".encode()


fuzzed_rows = st.lists(
    st.lists(
        st.sampled_from(["0", "1", "0.5", "-0.01", "1.01", "2", "nan", "1e999", "-0", "", "\u2028", "x", "1_0", "\x00"])
        | st.floats().map(repr),
        max_size=11,
    ).map(" ".join),
    max_size=5,
).map("\n".join)


@settings(max_examples=60)
@given(label=fuzzed_rows.map(str.encode) | st.binary(max_size=80))
def test_no_label_file_causes_a_traceback(tmp_path_factory: pytest.TempPathFactory, label: bytes) -> None:
    tree = Tree(tmp_path_factory.mktemp("fuzzed"))
    tree.write(LABELS, label)
    refused_or_read(tree.root)


ODD = [
    *(
        "wall",
        "0",
        "''",
        "~",
        "true",
        "[]",
        "{}",
        "*a",
        "&a [x]",
        "!!python/object:os.system x",
        "../..",
        "/",
        "-1",
        ".",
    ),
    *("train/images", "1e9", "'\\0'", '"\\ud800"', '"\\e[0m"', "?", "2026-01-01", "0x10", "<<: x", "'", "x" * 5000),
]
scalars = st.sampled_from(ODD)
entries = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(scalars, inner), max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"
        )
    ),
    max_leaves=5,
)
yamls = st.lists(
    st.tuples(st.sampled_from(["names", "train", "val", "path", "nc", "test"]), entries),
    max_size=5,
    unique_by=lambda p: p[0],
).map(lambda items: "".join(f"{key}: {value}\n" for key, value in items).encode("utf-8", "replace"))


@settings(max_examples=100)
@given(content=yamls | st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_data_yaml_causes_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    tree = Tree(tmp_path_factory.mktemp("fuzzed"))
    tree.write("data.yaml", content)
    refused_or_read(tree.root)


@settings(max_examples=40)
@given(lines=st.lists(st.text(max_size=12) | st.sampled_from(["train/images/a.png", "..", "/", "x" * 300]), max_size=5))
def test_no_list_of_images_causes_a_traceback(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    tree = Tree(tmp_path_factory.mktemp("fuzzed"))
    tree.write("data.yaml", YAML_LIST)
    tree.write("t.txt", "\n".join(lines).encode("utf-8", "replace"))
    refused_or_read(tree.root)

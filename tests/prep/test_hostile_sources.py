"""What a hostile source may try: to hang or exhaust the preparation, to have foreign files read, taken or printed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dataset_prep.run import main
from tests.prep.yolo_tree import HALF, LABELS, YAML, PrepareYolo, Tree

RUN = Path(__file__).resolve().parents[2] / "dataset_prep" / "run.py"
LINE = "root:x:0:0:the-secret:/root:/bin/bash"
SECONDS = 20
MEMORY = 2 << 30
NAMES = "names: [wall, room]\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefghijkl"
)
SPARSE = 1 << 36


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "yolo")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A foreign file of text, with an image beside it."""
    folder = tmp_path / "elsewhere"
    (folder / "images").mkdir(parents=True)
    (folder / "passwd").write_text(f"{LINE}\n{LINE}\n")
    (folder / "labels").mkdir()
    for name in ("labels/private.txt", "images/private.txt"):
        (folder / name).write_text(f"0 {HALF}\n1 {HALF}\n")
    Image.new("RGB", (40, 30), (9, 9, 200)).save(folder / "images/private.png")
    return folder / "passwd"


def bounded(root: Path, *more: str) -> tuple[int, str]:
    """The exit status and all output of the command line, which must end in SECONDS and MEMORY."""
    done = subprocess.run(
        [sys.executable, RUN, "--source", root, "--output", root.parent / "d", "--dry-run", "--workers", "1", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )
    assert "Traceback" not in done.stdout, done.stdout
    return done.returncode, done.stdout


def sparse(path: Path) -> Path:
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(SPARSE)
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def linked(path: Path, target: Path) -> Path:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return path


EXHAUSTING: dict[str, tuple[Callable[[Tree], object], str]] = {
    "alias bomb as names": (lambda t: t.write("data.yaml", f"{BOMB}train: train/images\nnames: *l\n"), "more than"),
    "alias bomb as nc": (lambda t: t.write("data.yaml", f"{BOMB}{YAML}nc: *l\n"), "more than"),
    "alias bomb as path": (lambda t: t.write("data.yaml", f"{BOMB}{YAML.replace('path: .', 'path: *l')}"), "more than"),
    "a list that holds itself": (lambda t: t.write("data.yaml", f"{YAML}nc: &a [*a]\n"), "holds itself"),
    "150,000 keys": (
        lambda t: t.write("data.yaml", YAML + "".join(f"{key:x}:\n" for key in range(150_000))),
        "data.yaml is not a YAML file that can be read",
    ),
    "nested 400,000 deep": (lambda t: t.write("data.yaml", YAML + "x: " + "[" * 400_000), "nested more than"),
    "train is /dev/zero": (
        lambda t: t.write("data.yaml", f"train: /dev/zero\n{NAMES}"),
        "/dev/zero for train, which is outside of the source",
    ),
    "train is a link to /dev/zero": (
        lambda t: (linked(t.root / "t.txt", Path("/dev/zero")), t.write("data.yaml", f"train: t.txt\n{NAMES}")),
        "t.txt for train, which leads out of the source",
    ),
    "train is a pipe": (
        lambda t: (pipe(t.root / "t.txt"), t.write("data.yaml", f"train: t.txt\n{NAMES}")),
        "t.txt cannot be read (it is not a regular file)",
    ),
    "train is a sparse list": (
        lambda t: (sparse(t.root / "t.txt"), t.write("data.yaml", f"train: t.txt\n{NAMES}")),
        "t.txt cannot be read (it has 68,719,476,736 bytes, more than",
    ),
    "train is one folder many times": (
        lambda t: (
            [t.write(f"train/images/{n}/{n}.txt", "") for n in range(300)],
            t.write("data.yaml", f"train: [{','.join(['train/images'] * 9_000)}]\n{NAMES}"),
        ),
        "Read yolo: 2 images",
    ),
    "a list of lines with many folders": (
        lambda t: (
            t.write("t.txt", "train/images/a.png\n" + f"{'a/' * 200_000}b.png\n" * 40),
            t.write("data.yaml", f"train: t.txt\n{NAMES}"),
        ),
        "there is no such image",
    ),
    "classes.txt is sparse": (
        lambda t: (t.remove("data.yaml"), sparse(t.root / "classes.txt")),
        "classes.txt cannot be read (it has",
    ),
    "a label file is sparse": (lambda t: sparse(t.root / LABELS), "a.txt cannot be read (it has"),
    "a label file is a pipe": (lambda t: (t.remove(LABELS), pipe(t.root / LABELS)), "not a regular file"),
    "labels are the whole disk": (
        lambda t: t.make("train/images/labels", lambda path: path.symlink_to("/")),
        "train/images/labels is a symbolic link",
    ),
    "data.yaml is sparse": (lambda t: sparse(t.root / "data.yaml"), "data.yaml cannot be read (it has"),
    "an image is sparse": (
        lambda t: os.truncate(t.root / "train/images/a.png", SPARSE),
        "a.png",
    ),
}


@pytest.mark.parametrize("attack", EXHAUSTING)
def test_nothing_in_a_yolo_source_hangs_or_exhausts_the_preparation(tree: Tree, attack: str) -> None:
    plant, sentence = EXHAUSTING[attack]
    plant(tree)
    written = [] if attack != "an image is sparse" else ["--report", str(tree.root.parent / "r")]
    _, output = bounded(tree.root, "--format", "yolo", "--split", "0.5,0.25,0.25", *written)
    assert sentence in output


FOREIGN: dict[str, Callable[[Tree, Path], object]] = {
    "data.yaml": lambda t, secret: linked(t.root / "data.yaml", secret),
    "another YAML file": lambda t, secret: (t.remove("data.yaml"), linked(t.root / "plans.yaml", secret)),
    "train": lambda t, secret: t.write("data.yaml", f"train: {secret}\n{NAMES}"),
    "train from below": lambda t, secret: t.write("data.yaml", f"train: ../elsewhere/passwd\n{NAMES}"),
    "val": lambda t, secret: t.write("data.yaml", f"train: train/images\nval: {secret}\n{NAMES}"),
    "train, a link": lambda t, secret: (
        linked(t.root / "t.txt", secret),
        t.write("data.yaml", f"train: t.txt\n{NAMES}"),
    ),
    "train below a linked folder": lambda t, secret: (
        linked(t.root / "lists", secret.parent),
        t.write("data.yaml", f"train: lists/passwd\n{NAMES}"),
    ),
    "label": lambda t, secret: linked(t.root / LABELS, secret),
    "folder of labels": lambda t, secret: (
        (secret.parent / "a.txt").write_text(LINE),
        t.move("train/labels", "old"),
        linked(t.root / "train/labels", secret.parent),
    ),
    "classes.txt": lambda t, secret: (t.remove("data.yaml"), linked(t.root / "classes.txt", secret)),
}


@pytest.mark.parametrize("attack", FOREIGN)
def test_no_line_of_a_foreign_file_is_read_into_a_yolo_data_set(tree: Tree, secret: Path, attack: str) -> None:
    FOREIGN[attack](tree, secret)
    status, output = bounded(tree.root, "--format", "yolo", "--split", "1,0,0")
    assert status in (1, 2)
    assert "the-secret" not in output
    assert "out of the source" in output or "outside of the source" in output


TAKEN: dict[str, Callable[[Tree, Path], object]] = {
    "a folder": lambda t, folder: t.write("data.yaml", f"train: {folder}\n{NAMES}"),
    "a folder one up": lambda t, folder: t.write("data.yaml", f"train: ../elsewhere/images\n{NAMES}"),
    "a folder by path": lambda t, folder: t.write("data.yaml", f"path: {folder.parent}\ntrain: images\n{NAMES}"),
    "a linked folder": lambda t, folder: (
        linked(t.root / "more", folder),
        t.write("data.yaml", f"train: more\n{NAMES}"),
    ),
    "a line of a list": lambda t, folder: (
        t.write("t.txt", f"train/images/a.png\n{folder}/private.png\n"),
        t.write("data.yaml", f"train: t.txt\n{NAMES}"),
    ),
    "a linked image in a list": lambda t, folder: (
        linked(t.root / "train/images/p.png", folder / "private.png"),
        t.write("train/labels/p.txt", f"0 {HALF}\n1 {HALF}\n"),
        t.write("t.txt", "train/images/p.png\n"),
        t.write("data.yaml", f"train: t.txt\n{NAMES}"),
    ),
}


@pytest.mark.parametrize("way", TAKEN)
def test_images_outside_of_the_source_are_taken_with_a_word_from_the_person_only(
    tree: Tree, secret: Path, prepare_yolo: PrepareYolo, way: str
) -> None:
    folder = secret.parent / "images"
    TAKEN[way](tree, folder)
    status, findings, error = prepare_yolo(tree.root, "--split", "1,0,0", "--dry-run")
    said = [error, *(finding.message + finding.fix for finding in findings if finding.severity == "error")]
    assert status == 1
    assert any("the source" in sentence and "--images" in sentence for sentence in said), said
    status, findings, error = prepare_yolo(tree.root, "--split", "1,0,0", "--dry-run", "--images", str(folder))
    assert (status, error) == (0, "")


def test_a_folder_inside_of_the_source_is_preferred_to_one_of_that_name_on_this_machine(
    tree: Tree, secret: Path, prepare_yolo: PrepareYolo
) -> None:
    for name in ("images", "labels"):
        tree.move(f"train/{name}", name)
    tree.write("data.yaml", f"train: {secret.parent}/images\n{NAMES}")
    status, _, error = prepare_yolo(tree.root, "--split", "1,0,0", "--dry-run")
    assert (status, error) == (0, "")


def test_labels_beside_the_images_that_were_named_are_read(tree: Tree, prepare_yolo: PrepareYolo) -> None:
    tree.move("train", "../named")
    tree.write("data.yaml", f"train: ../named/images\nval: valid/images\n{NAMES}")
    given = ["--images", str(tree.root.parent / "named/images"), "--split", "1,0,0", "--dry-run"]
    status, findings, error = prepare_yolo(tree.root, *given)
    assert (status, error, [f for f in findings if f.severity == "error"]) == (0, "", [])


CUBICASA: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "list sparse": (lambda plans, secret: sparse(plans / "train.txt"), "train.txt cannot be read (it has"),
    "list a link": (lambda plans, secret: linked(plans / "train.txt", secret), "out of the source"),
    "SVG sparse": (lambda plans, secret: sparse(first(plans) / "model.svg"), "model.svg cannot be read (it has"),
    "SVG of 20 MB of elements": (
        lambda plans, secret: (first(plans) / "model.svg").write_text(f"<svg>{'<a/>' * 5_000_000}</svg>"),
        "model.svg cannot be read (it has",
    ),
    "SVG with a wall of a million corners": (
        lambda plans, secret: (first(plans) / "model.svg").write_text(
            '<svg><g class="Model"><g class="Wall"><polygon points="' + "0,0 300,300 " * 500_000 + '"/></g></g></svg>'
        ),
        "9 images",
    ),
    "SVG a link": (lambda plans, secret: linked(first(plans) / "model.svg", secret), "out of the source"),
    "image a link": (
        lambda plans, secret: linked(first(plans) / "F1_original.png", secret.parent / "images/private.png"),
        "out of the source",
    ),
    "image sparse": (lambda plans, secret: os.truncate(first(plans) / "F1_original.png", SPARSE), "F1_original.png"),
    "other floor a pipe": (lambda plans, secret: os.mkfifo(first(plans) / "F2_original.png"), "9 images"),
    "other floor a device": (
        lambda plans, secret: linked(first(plans) / "F2_original.png", Path("/dev/zero")),
        "9 images",
    ),
    "plan a link": (
        lambda plans, secret: linked(first(plans).parent / "99", first(plans).rename(secret.parent / "99")),
        "99 is a symbolic link to a folder elsewhere",
    ),
}


def first(plans: Path) -> Path:
    return min(plans.glob("*/*/model.svg")).parent


@pytest.mark.parametrize("attack", CUBICASA)
def test_nothing_in_cubicasa5k_hangs_exhausts_or_leads_elsewhere(
    plans: Path, tree: Tree, secret: Path, attack: str
) -> None:
    plant, sentence = CUBICASA[attack]
    plant(plans, secret)
    _, output = bounded(plans, "--split", "1,0,0")
    assert sentence in output
    assert "the-secret" not in output


COCO: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "annotations sparse": (lambda source, secret: sparse(source / "plans.json"), "plans.json has"),
    "annotations a link": (
        lambda source, secret: linked(source / "plans.json", (source / "plans.json").rename(secret.parent / "p.json")),
        "name it with --annotations",
    ),
    "annotations below a linked folder": (
        lambda source, secret: (
            (source / "plans.json").rename(secret.parent / "p.json"),
            linked(source / "annotations", secret.parent),
        ),
        "name it with --annotations",
    ),
}


@pytest.mark.parametrize("attack", COCO)
def test_nothing_in_a_coco_source_exhausts_or_leads_elsewhere(tree: Tree, secret: Path, attack: str) -> None:
    source = tree.root.parent / "coco"
    source.mkdir()
    (source / "a.png").write_bytes((tree.root / "train/images/a.png").read_bytes())
    images = [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}]
    content = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "wall"}]}
    (source / "plans.json").write_text(json.dumps(content))
    plant, sentence = COCO[attack]
    plant(source, secret)
    status, output = bounded(source, "--format", "coco", "--split", "1,0,0")
    assert status in (1, 2)
    assert sentence in output


def test_a_link_that_the_person_names_is_followed(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(tree.root)
    assert main(["--source", str(tmp_path / "linked"), "--output", str(tmp_path / "d"), "--split", "1,0,0"]) == 0

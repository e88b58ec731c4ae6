"""Defects of a data set's file names, pictures and splits."""

from __future__ import annotations

from dataset_contract.layout import MANIFEST
from tests.contract.planting import TRAIN, TRAIN_1, Plant, Planted, file, image
from tests.contract.samples import HEIGHT, WIDTH, SampleDataset, chunk, png


def empty_split(*splits: str) -> Plant:
    def plant(sample: SampleDataset) -> None:
        for split in splits:
            sample.coco[split] |= {"images": [], "annotations": []}
            sample.files = {path: data for path, data in sample.files.items() if not path.startswith(split)}
        sample.stated = sample.coco

    return plant


IMAGE_DEFECTS: dict[str, Planted] = {
    # file names
    "name missing": (
        lambda s: s.coco["train"]["images"][0].pop("file_name"),
        "FILE_NAME_INVALID",
        "error",
        TRAIN,
        1,
        None,
    ),
    "name a number": (image(file_name=7), "FILE_NAME_INVALID", "error", TRAIN, 1, None),
    "source folder of two lines": (image(source_folder="a\nb"), "SOURCE_FOLDER_INVALID", "warning", TRAIN, 1, None),
    "name with NUL": (image(file_name="images/1\0.png"), "FILE_NAME_INVALID", "error", TRAIN, 1, None),
    **{
        f"name {name!a}": (image(file_name=name), "FILE_NAME_REFUSED", "error", TRAIN, 1, None)
        for name in (
            "../val/images/000005.png",
            "images/../../x.png",
            "/etc/passwd",
            "C:\\a.png",
            "C:a.png",
            "\\\\host\\a.png",
            "https://a.b/c.png",
            "file:///etc/passwd",
            "file:/etc/passwd",
            "data:image/png;base64,AAAA",
            "images/%2e%2e/1.png",
            "images//1.png",
            "./images/000001.png",
            "~/a.png",
            "images/1\n.png",
            "images/1\u202e.png",
            "images/con.png",
            "images/a .png/ ",
            "images/a?.png",
            "a" * 600,
        )
    },
    "name twice": (image(file_name="images/000002.png"), "FILE_NAME_TWICE", "error", TRAIN, 2, None),
    "name twice but for case": (image(file_name="images/000002.PNG"), "FILE_NAME_TWICE", "error", TRAIN, 2, None),
    "name twice but for Unicode's form": (
        lambda s: [
            item.update(file_name=name)
            for item, name in zip(s.coco["train"]["images"], ("u\u0308.png", "\u00fc.png"), strict=False)
        ],
        "FILE_NAME_TWICE",
        "error",
        TRAIN,
        2,
        None,
    ),
    "name in another case than the file": (
        image(file_name="images/000001.PNG"),
        "IMAGE_NOT_LISTED",
        "error",
        "train/images/000001.PNG",
        1,
        None,
    ),
    # image sizes and files
    "width zero": (image(width=0), "IMAGE_SIZE_INVALID", "error", TRAIN, 1, None),
    "width a float": (image(width=120.0), "IMAGE_SIZE_INVALID", "error", TRAIN, 1, None),
    "height missing": (
        lambda s: s.coco["train"]["images"][0].pop("height"),
        "IMAGE_SIZE_INVALID",
        "error",
        TRAIN,
        1,
        None,
    ),
    "sides swapped": (image(width=HEIGHT, height=WIDTH), "IMAGE_SIZE_DIFFERS", "error", TRAIN_1, 1, None),
    "another variant": (file(png(2 * WIDTH, 2 * HEIGHT)), "IMAGE_SIZE_DIFFERS", "error", TRAIN_1, 1, None),
    "image empty": (file(b""), "IMAGE_EMPTY", "error", TRAIN_1, 1, None),
    "image a JPEG": (file(b"\xff\xd8\xff\xe0" + bytes(99)), "IMAGE_NOT_PNG", "error", TRAIN_1, 1, None),
    "image a web page": (file(b"<html>404</html>"), "IMAGE_NOT_PNG", "error", TRAIN_1, 1, None),
    "image a Git LFS pointer": (
        file(b"version https://git-lfs.github.com/spec/v1\n"),
        "IMAGE_NOT_PNG",
        "error",
        TRAIN_1,
        1,
        None,
    ),
    "image without its end": (file(png()[:-12]), "IMAGE_DAMAGED", "error", TRAIN_1, 1, None),
    "image with a wrong checksum": (file(png()[:-20] + b"!" + png()[-19:]), "IMAGE_DAMAGED", "error", TRAIN_1, 1, None),
    "image with a tail": (file(png() + b"<?php"), "IMAGE_DAMAGED", "error", TRAIN_1, 1, None),
    "image a bomb": (file(png(60_000, 60_000)), "IMAGE_TOO_LARGE", "error", TRAIN_1, 1, None),
    "image with a palette": (file(png(color_type=3)), "IMAGE_MODE", "error", TRAIN_1, 1, None),
    "image with alpha": (file(png(color_type=6)), "IMAGE_MODE", "error", TRAIN_1, 1, None),
    "image of 16 bits": (file(png(bit_depth=16)), "IMAGE_MODE", "error", TRAIN_1, 1, None),
    "image with a transparent colour": (
        file(png(before_pixels=chunk(b"tRNS", b"\0\0"))),
        "IMAGE_MODE",
        "error",
        TRAIN_1,
        1,
        None,
    ),
    "orphan": (
        lambda s: s.files.update({"train/images/000099.png": png(shade=99)}),
        "FILE_UNUSED",
        "warning",
        "train/images/000099.png",
        None,
        None,
    ),
    # splits
    "split missing": (lambda s: s.coco.pop("test"), "SPLIT_MISSING", "error", MANIFEST, None, None),
    "split empty": (empty_split("test"), "SPLIT_EMPTY", "warning", "test/annotations.json", None, None),
    "train empty": (empty_split("train"), "TRAIN_EMPTY", "error", TRAIN, None, None),
    "image in two splits": (
        lambda s: s.coco["val"]["images"][0].update(id=1),
        "IMAGE_IN_TWO_SPLITS",
        "error",
        "val/annotations.json",
        1,
        None,
    ),
    "classes differ": (
        lambda s: s.coco["val"]["categories"].reverse() or s.coco["val"]["categories"][0].update(name="door"),
        "CLASSES_DIFFER",
        "error",
        "val/annotations.json",
        None,
        None,
    ),
    "shares differ": (
        lambda s: s.options.update(split=[0.0, 0.0, 1.0]),
        "SPLIT_SHARE_DIFFERS",
        "warning",
        MANIFEST,
        None,
        None,
    ),
    "leak": (
        lambda s: s.files.update({"val/images/000005.png": s.files[TRAIN_1]}),
        "LEAKAGE",
        "warning",
        None,
        5,
        None,
    ),
    "duplicate": (
        lambda s: s.files.update({"train/images/000002.png": s.files[TRAIN_1]}),
        "DUPLICATE_IMAGE",
        "warning",
        None,
        2,
        None,
    ),
    "all images identical": (
        lambda s: s.files.update(dict.fromkeys(s.files, png())),
        "ALL_IMAGES_IDENTICAL",
        "error",
        None,
        None,
        None,
    ),
}

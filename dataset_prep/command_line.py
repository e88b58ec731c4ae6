"""What the preparation's command line takes: its options as a parser, and as the Options that they mean."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

from dataset_contract.class_names import class_name
from dataset_prep.destination import DEFAULT_PREFIX, Destination
from dataset_prep.errors import UsageError
from dataset_prep.prepare import Options
from dataset_prep.selection import SelectionOptions
from dataset_prep.sources.cubicasa5k_policy import OPENINGS, Policy
from dataset_prep.sources.formats import FORMATS, SourceOptions
from dataset_prep.sources.repairs import Repairs
from dataset_prep.sources.yolo_labels import NO_KEY_POINTS, KeyPoints
from dataset_prep.split import parse_split

EXAMPLES = """examples:
  CubiCasa5K, as downloaded, to a folder; look at build/report/report.html:
    python dataset_prep/run.py --source CubiCasa5K --output build/dataset --report build/report
  the same without plans that have no boxes, to the bucket of the deployed stack:
    python dataset_prep/run.py --source CubiCasa5K --output build/dataset --drop-empty --bucket DATASET_BUCKET_NAME
  a finer data set: bedrooms and kitchens as classes of their own, all other rooms as room:
    python dataset_prep/run.py --source CubiCasa5K --output build/rooms --classes wall,room,bedroom,kitchen
  doors and windows too, each door with the swing of its leaf:
    python dataset_prep/run.py --source CubiCasa5K --output build/openings --classes wall,room,door,window \
        --door-swing include
  plans whose annotation belongs to another image left out; all others stay in their splits:
    python dataset_prep/run.py --source CubiCasa5K --output build/dataset --drop-mismatched
  all images for training, none held back:
    python dataset_prep/run.py --source CubiCasa5K --output build/dataset --split 1,0,0
  a COCO file whose paths are those of another machine:
    python dataset_prep/run.py --source plans --annotations train_coco_pt.json --images plans/cubicasa5k
  a COCO file with boxes beyond the edge and boxes without area, repaired; each is counted in the report:
    python dataset_prep/run.py --source plans.json --images plans --clip --drop-zero-size --report build/report
  a YOLO data set with its own split, ten images, nothing written:
    python dataset_prep/run.py --source yolo_room_wall --split official --limit 10 --dry-run

exit status: 0 done (warnings allowed), 1 data set or upload refused, 2 wrong usage, 130 stopped by Ctrl-C.
To resume a run that was stopped, give the same command again.
"""


def build_parser() -> argparse.ArgumentParser:
    """The options, in groups."""
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Turn floor plans (CubiCasa5K, YOLO or COCO) into the COCO data set that DINO trains on, "
        "check it, show it, and upload it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    source = parser.add_argument_group("source")
    source.add_argument(
        "--source", type=Path, required=True, metavar="PATH", help="folder with your plans, or file that names them"
    )
    source.add_argument("--format", choices=("auto", *FORMATS), default="auto", help="default: auto, by what is there")
    source.add_argument("--annotations", type=Path, nargs="+", default=[], metavar="FILE", help="COCO files")
    source.add_argument(
        "--images",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="where COCO's images are; folders outside of a YOLO source that its data.yaml may lead to",
    )
    source.add_argument(
        "--key-points",
        type=_key_points,
        metavar="SHAPE",
        help="what YOLO rows of more than six numbers are: `none` for polygons, 4,2 for a box and 4 key points of 2 "
        "numbers, 4,3 with their visibility (default: by kpt_shape in data.yaml)",
    )
    choice = parser.add_argument_group("data set")
    choice.add_argument(
        "--output",
        type=Path,
        default=Path("build/dataset"),
        metavar="DIR",
        help="folder to write (default: build/dataset)",
    )
    choice.add_argument(
        "--classes",
        metavar="NAMES",
        help="classes by name, in the order of their ids (default: wall,room); of CubiCasa5K door and window, and "
        "types of rooms such as bedroom: room is then all other rooms, which are left out if it is not named",
    )
    choice.add_argument(
        "--split",
        default="0.7,0.2,0.1",
        metavar="SHARES",
        help="train,val,test, or `official` for the source's own (default: 0.7,0.2,0.1)",
    )
    choice.add_argument("--seed", type=int, default=42, help="of the split (default: 42)")
    choice.add_argument(
        "--fix-leakage", action="store_true", help="move images so that copies of an image share a split"
    )
    choice.add_argument("--limit", type=_positive, metavar="N", help="only the first N images")
    empty = choice.add_mutually_exclusive_group()
    empty.add_argument(
        "--keep-empty",
        dest="drop_empty",
        action="store_false",
        default=False,
        help="keep images without boxes: they show the model what is not an object (default)",
    )
    empty.add_argument("--drop-empty", action="store_true", help="leave out images without boxes")
    choice.add_argument(
        "--drop-mismatched", action="store_true", help="leave out plans whose annotation does not fit their image"
    )
    choice.add_argument("--railings", choices=("ignore", "wall"), default="ignore", help="CubiCasa5K (default: ignore)")
    choice.add_argument("--outdoor", choices=("room", "ignore"), default="room", help="CubiCasa5K (default: room)")
    choice.add_argument("--undefined", choices=("room", "ignore"), default="room", help="CubiCasa5K (default: room)")
    choice.add_argument(
        "--door-swing",
        choices=("ignore", "include"),
        default="ignore",
        help="CubiCasa5K: a door's box is around its opening in the wall, or around the leaf's swing too (default: "
        "ignore)",
    )
    choice.add_argument(
        "--crowds",
        choices=("ignore", "objects"),
        default="ignore",
        help="COCO boxes with iscrowd 1, which CVAT gives to every mask: not trained, or objects (default: ignore)",
    )
    repairs = parser.add_argument_group("repairs", "Each repaired box is counted in the report.")
    repairs.add_argument("--clip", action="store_true", help="cut boxes that reach beyond their image")
    repairs.add_argument("--drop-zero-size", action="store_true", help="leave out boxes without width or height")
    upload = parser.add_argument_group("upload")
    upload.add_argument("--bucket", metavar="NAME", help="upload to this bucket (default: do not upload)")
    upload.add_argument(
        "--prefix",
        type=_prefix,
        default=DEFAULT_PREFIX,
        metavar="TEXT",
        help=f"folder in it (default: {DEFAULT_PREFIX}); the deployed training reads only those that start like this",
    )
    upload.add_argument("--replace", action="store_true", help="replace another version that is there")
    run = parser.add_argument_group("run")
    run.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="threads (default: 4 for each core, at most 16); copying takes one for each core at most",
    )
    run.add_argument("--dry-run", action="store_true", help="do all but write and upload: the same findings")
    run.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="compare the images; write report.json, report.html and samples.png there",
    )
    return parser


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is smaller than 1")
    return number


def _key_points(text: str) -> KeyPoints:
    if text == "none":
        return NO_KEY_POINTS
    found = re.fullmatch(r"([1-9][0-9]{0,3}),([23])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither none nor a number of points and 2 or 3, such as 4,2")
    return KeyPoints(int(found[1]), int(found[2]))


def _prefix(text: str) -> str:
    prefix = text.removesuffix("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", prefix) or len(prefix) > 200:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a folder's name: letters, digits, '.', '_' and '-', such as {DEFAULT_PREFIX}-2"
        )
    return prefix


def parse_options(argv: Sequence[str] | None) -> Options:
    """The command line as Options. Raises UsageError, or SystemExit (2) as argparse does."""
    given = build_parser().parse_args(argv)
    classes = None
    if given.classes is not None:
        classes = tuple(name.strip() for name in given.classes.split(","))
        if not all(classes) or len(set(map(class_name, classes))) < len(classes):
            raise UsageError(f"--classes {given.classes} needs names, each once, such as wall,room.")
    return Options(
        source=SourceOptions(
            path=given.source,
            format=None if given.format == "auto" else given.format,
            annotations=tuple(given.annotations),
            images=tuple(given.images),
            class_names=classes,
            key_points=given.key_points,
            limit=given.limit,
            policy=Policy(
                openings=frozenset(map(class_name, classes or ())) & frozenset(OPENINGS),
                doors_with_swing=given.door_swing == "include",
                railings_are_walls=given.railings == "wall",
                outdoor_is_room=given.outdoor == "room",
                undefined_is_room=given.undefined == "room",
            ),
            repairs=Repairs(clip=given.clip, drop_zero_size=given.drop_zero_size),
            crowds_are_objects=given.crowds == "objects",
        ),
        selection=SelectionOptions(
            classes=classes,
            split=parse_split(given.split),
            seed=given.seed,
            drop_empty=given.drop_empty,
            drop_mismatched=given.drop_mismatched,
        ),
        fix_leakage=given.fix_leakage,
        output=given.output,
        report=given.report,
        destination=Destination(given.bucket, given.prefix, given.replace) if given.bucket is not None else None,
        workers=given.workers or min(16, 4 * (os.cpu_count() or 1)),
        dry_run=given.dry_run,
    )

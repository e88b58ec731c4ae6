#!/usr/bin/env python3
"""The command line of the preparation: from your plans to a checked data set, on this machine and in S3.

python dataset_prep/run.py --source path/to/plans --output build/dataset --bucket MY_BUCKET
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # run as a file
    sys.path.insert(0, str(ROOT))

try:
    from rich.console import Console

    from dataset_prep.errors import PrepError, UsageError
    from dataset_prep.options import Options
    from dataset_prep.outcome import show_outcome
    from dataset_prep.prepare import prepare
    from dataset_prep.sources.cubicasa5k import Policy
    from dataset_prep.sources.formats import FORMATS
    from dataset_prep.split import parse_split
except ModuleNotFoundError as error:
    if error.name is None or (ROOT / error.name.partition(".")[0]).exists():
        raise  # a module of our own: a bug, not a missing installation
    sys.stderr.write(
        f"This Python ({sys.executable}) lacks the package {error.name}: "
        "run `make setup`, then use .venv/bin/python dataset_prep/run.py.\n"
    )
    raise SystemExit(2) from None

EXAMPLES = """examples:
  CubiCasa5K, as downloaded, to a folder; look at build/report/report.html:
    python dataset_prep/run.py --source CubiCasa5K --output build/dataset --report build/report
  the same without plans that have no boxes, to the bucket of the deployed stack:
    python dataset_prep/run.py --source CubiCasa5K --output build/dataset --drop-empty --bucket DATASET_BUCKET_NAME
  a COCO file whose paths are those of another machine:
    python dataset_prep/run.py --source plans --annotations train_coco_pt.json --images plans/cubicasa5k
  a YOLO data set with its own split, ten images, nothing written:
    python dataset_prep/run.py --source yolo_room_wall --split official --limit 10 --dry-run

exit status: 0 done (warnings allowed), 1 data set or upload refused, 2 wrong usage, 130 stopped by Ctrl-C.
A run that was stopped goes on where it was when the same command is given again.
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
    source.add_argument("--source", type=Path, required=True, metavar="PATH", help="folder with your plans")
    source.add_argument("--format", choices=("auto", *FORMATS), default="auto", help="default: auto, by what is there")
    source.add_argument("--annotations", type=Path, nargs="+", default=[], metavar="FILE", help="COCO files")
    source.add_argument("--images", type=Path, nargs="+", default=[], metavar="DIR", help="where COCO's pictures are")
    choice = parser.add_argument_group("data set")
    choice.add_argument(
        "--output",
        type=Path,
        default=Path("build/dataset"),
        metavar="DIR",
        help="folder to write (default: build/dataset)",
    )
    choice.add_argument(
        "--classes", metavar="NAMES", help="classes by name, in the order of their ids (default: wall,room)"
    )
    choice.add_argument(
        "--split",
        default="0.7,0.2,0.1",
        metavar="SHARES",
        help="train,val,test, or `official` for the source's own (default: 0.7,0.2,0.1)",
    )
    choice.add_argument("--seed", type=int, default=42, help="of the split (default: 42)")
    choice.add_argument("--limit", type=_positive, metavar="N", help="only the first N images")
    choice.add_argument("--drop-empty", action="store_true", help="leave out images without boxes")
    choice.add_argument("--railings", choices=("ignore", "wall"), default="ignore", help="CubiCasa5K (default: ignore)")
    choice.add_argument("--outdoor", choices=("room", "ignore"), default="room", help="CubiCasa5K (default: room)")
    choice.add_argument("--undefined", choices=("room", "ignore"), default="room", help="CubiCasa5K (default: room)")
    upload = parser.add_argument_group("upload")
    upload.add_argument("--bucket", metavar="NAME", help="upload to this bucket (default: do not upload)")
    upload.add_argument("--prefix", default="dino-data", metavar="TEXT", help="below it (default: dino-data)")
    upload.add_argument("--replace", action="store_true", help="replace another version that is there")
    run = parser.add_argument_group("run")
    run.add_argument("--workers", type=_positive, metavar="N", help="threads (default: 4 for each core, at most 16)")
    run.add_argument("--dry-run", action="store_true", help="read and count; write no data set, upload nothing")
    run.add_argument("--report", type=Path, metavar="DIR", help="write report.json, report.html and samples.png there")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is smaller than 1")
    return number


def parse_options(argv: Sequence[str] | None) -> Options:
    """The command line as Options. Raises UsageError, or SystemExit (2) as argparse does."""
    given = build_parser().parse_args(argv)
    classes = None
    if given.classes is not None:
        classes = tuple(name.strip() for name in given.classes.split(","))
        if not all(classes) or len(set(classes)) < len(classes):
            raise UsageError(f"--classes {given.classes} needs names, each once, such as wall,room.")
    return Options(
        source=given.source,
        output=given.output,
        format=None if given.format == "auto" else given.format,
        annotations=tuple(given.annotations),
        images=tuple(given.images),
        classes=classes,
        split=parse_split(given.split),
        seed=given.seed,
        limit=given.limit,
        drop_empty=given.drop_empty,
        policy=Policy(
            railings_are_walls=given.railings == "wall",
            outdoor_is_room=given.outdoor == "room",
            undefined_is_room=given.undefined == "room",
        ),
        workers=given.workers or min(16, 4 * (os.cpu_count() or 1)),
        dry_run=given.dry_run,
        report=given.report,
        bucket=given.bucket,
        prefix=given.prefix,
        replace=given.replace,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    try:
        options = parse_options(argv)
        console = Console(soft_wrap=True, highlight=False, markup=False)
        prepared = prepare(options, console)
        show_outcome(console, options, prepared)
    except UsageError as error:
        errors.print(f"run.py: {error}")
        return 2
    except PrepError as error:
        errors.print(f"run.py: {error}")
        return 1
    except PermissionError as error:
        errors.print(
            f"run.py: {error.filename} must not be read or written: change its permissions or give another path."
        )
        return 1
    except OSError as error:  # a full disk, a file where a folder should be, a drive that was taken away
        place = error.filename or options.output
        errors.print(
            f"run.py: {place} cannot be read or written ({error.strerror or error}): "
            "mend that, then give the same command again."
        )
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped. Give the same command again to go on from here.")
        return 130
    return 1 if prepared.report.verdict == "invalid" else 0


if __name__ == "__main__":
    sys.exit(main())

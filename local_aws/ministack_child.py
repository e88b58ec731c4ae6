"""The program that ministack runs in: applies the patches and serves it on an inherited socket.

Run as a file with -I by ministack_process.py, never imported. Usage: python -I ministack_child.py FILE_DESCRIPTOR
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import importlib.util
import logging
import os
import sys
from pathlib import Path
from typing import Any

PATCHED_VERSION = "1.5.33"
PATCHES = Path(__file__).with_name("ministack_patches")


def check_version() -> None:
    """Raise SystemExit with a sentence when ministack is not the version that the patches were made for."""
    installed = importlib.metadata.version("ministack")
    if installed != PATCHED_VERSION:
        sys.exit(
            f"{PATCHES} patches ministack {PATCHED_VERSION}, but {installed} is installed: run `make setup`, or check"
            " the patches against the new version and change PATCHED_VERSION."
        )


def load_patches() -> None:
    """Make the package of patches importable without its folder on the path."""
    spec = importlib.util.spec_from_file_location(
        PATCHES.name, PATCHES / "__init__.py", submodule_search_locations=[str(PATCHES)]
    )
    if spec is None or spec.loader is None:
        sys.exit(f"{PATCHES} is missing.")
    sys.modules[PATCHES.name] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


def patch(name: str) -> Any:  # noqa: ANN401  a module that is loaded by its place
    """One of the patches."""
    return importlib.import_module(f"{PATCHES.name}.{name}")


def main(descriptor: int) -> None:
    """Serve until killed."""
    check_version()
    load_patches()
    for name in ("lambda_workers", "redrive", "metric_namespace"):
        patch(name).apply()
    # Imported here, so that a version that does not fit is a sentence before it is a broken import.
    hypercorn_config: Any = importlib.import_module("hypercorn.config")
    hypercorn_asyncio: Any = importlib.import_module("hypercorn.asyncio")
    ministack_app: Any = importlib.import_module("ministack.app")
    config = hypercorn_config.Config()
    config.bind = [f"fd://{descriptor}"]
    config.certfile, config.keyfile = os.environ.get("MINISTACK_SSL_CERT"), os.environ.get("MINISTACK_SSL_KEY")
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.access").disabled = True
    asyncio.run(hypercorn_asyncio.serve(patch("iam_authorizer").with_iam_authorizer(ministack_app.app), config))


if __name__ == "__main__":
    main(int(sys.argv[1]))

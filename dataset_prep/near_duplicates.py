"""Finds the images that show the same plan, though their files differ: same pixels, near-duplicates, same id.

Near-duplicates are found by a perceptual hash (pHash: signs of the lowest frequencies of a 64 x 64 thumbnail). Floor
plans are all black lines on white, so that the usual 64 bits and a distance of 8 to 10 take different plans for one.
Measured in bits that differ, on plans made by samples.py (pHash of 256 bits: 1,500, so 1,124,250 pairs; others: 400):

    hash            two different plans   rescaled, darker, JPEG 40   cropped by up to 1 %, 2 % at each side
    pHash  64 bits  at least 8            at most 6                   at most 8, 12
    dHash 256 bits  at least 42           at most 34                  at most 36, 56
    pHash 256 bits  at least 46           at most 8                   at most 28, 48

With MAX_HAMMING_DISTANCE = 40 of pHash's 256 no two of those plans count as one, nor do two of eleven real ones, which
differ in 100 and more. All copies are found that were rescaled to 0.3 to 1.6 times their size, darkened and saved as
JPEG, or cropped by up to 1.5 % at each side, and 99 % of those cropped by up to 2 %. CubiCasa5K's plans 717 and 743
differ in 4 bits. Mirrored, turned or heavily cropped copies are not found.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dataset_prep.progress import Advance, no_progress
from dataset_prep.similarity import MAX_HAMMING_DISTANCE, Fingerprint
from dataset_prep.sources.cubicasa5k_plans import CATEGORIES
from dataset_prep.sources.source import SourceImage
from image_reader.decoding import open_image
from image_reader.header import ImageError

_PLAN = re.compile(rf"(?:{'|'.join(CATEGORIES)})/([0-9]{{1,9}})/F[0-9]+_(?:original|scaled)\.[A-Za-z]+")
_HASH_SIDE = 16  # so 256 bits
_STRIP = 256  # rows hashed at once: a sheet of 90 megapixels is not copied as a whole
_BLOCK = 1 << 21  # distances computed at once: 16 MB


def take_fingerprints(
    images: Sequence[SourceImage], *, workers: int, advance: Advance = no_progress
) -> dict[int, Fingerprint]:
    """Image id -> fingerprint, of all images that can be decoded."""
    prints: dict[int, Fingerprint] = {}
    pool = ThreadPoolExecutor(min(workers, os.cpu_count() or 1))  # more would only hold more images in memory
    try:
        for image, taken in zip(images, pool.map(lambda image: _take(image.path), images), strict=True):
            if taken is not None:
                prints[image.image_id] = taken
            advance(1)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, do not finish what waits
    return prints


def _take(path: Path) -> Fingerprint | None:
    try:
        image = open_image(path)
    except (ImageError, OSError):
        return None
    return Fingerprint(_pixels(image), _perceptual_hash(image), _plan(path))


def _pixels(image: Image.Image) -> bytes:
    digest = hashlib.sha256(f"{image.width}x{image.height}".encode())
    for top in range(0, image.height, _STRIP):
        strip = image.crop((0, top, image.width, min(top + _STRIP, image.height)))
        digest.update(strip.convert("RGB").tobytes())
    return digest.digest()


def _perceptual_hash(image: Image.Image) -> int | None:
    grey = image.convert("L")
    lowest, highest = grey.getextrema()
    if lowest == highest:
        return None
    bits = imagehash.phash(grey, hash_size=_HASH_SIDE).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _plan(path: Path) -> int | None:
    match = _PLAN.fullmatch("/".join(path.parts[-3:]))
    return int(match[1]) if match else None


def find_groups(prints: Mapping[int, Fingerprint]) -> list[tuple[int, ...]]:
    """Groups of two or more image ids that belong together, directly or by a third; sorted, each id at most once."""
    ids = sorted(prints)
    place = {image_id: index for index, image_id in enumerate(ids)}
    representative: dict[bytes, int] = {}
    for image_id in ids:
        representative.setdefault(prints[image_id].pixels, image_id)
    edges = [
        *_edges((prints[image_id].pixels, place[image_id]) for image_id in ids),
        *_edges((prints[image_id].plan, place[image_id]) for image_id in ids),
    ]
    found = ((image_id, prints[image_id].perceptual_hash) for image_id in representative.values())
    hashes = {image_id: value for image_id, value in found if value is not None}
    labels = _labels_by_hash(list(hashes.values()))
    edges += _edges((int(label), place[image_id]) for label, image_id in zip(labels, hashes, strict=True))
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for image_id, label in zip(ids, _connected(len(ids), np.array(edges, np.int64).reshape(-1, 2)), strict=True):
        groups[int(label)].append(image_id)
    return sorted(tuple(group) for group in groups.values() if len(group) > 1)


def _edges(keyed: Iterable[tuple[Hashable, int]]) -> list[tuple[int, int]]:
    """Each place with the first that has the same key; None does not count as a key."""
    first: dict[Hashable, int] = {}
    return [(first.setdefault(key, place), place) for key, place in keyed if key is not None]


def _labels_by_hash(hashes: Sequence[int]) -> NDArray[np.int64]:
    """Hashes that are near each other, directly or by others between them, get the same label."""
    count = len(hashes)
    size = _HASH_SIDE * _HASH_SIDE // 8
    words = np.frombuffer(b"".join(value.to_bytes(size, "big") for value in hashes), np.uint64).reshape(-1, size // 8)
    labels = np.arange(count)
    rows = max(1, _BLOCK // max(1, count))
    for start in range(0, count, rows):
        stop = min(start + rows, count)
        distances = np.zeros((stop - start, stop), np.uint16)
        for column in range(words.shape[1]):
            distances += np.bitwise_count(words[start:stop, None, column] ^ words[None, :stop, column])
        near, earlier = np.nonzero(distances <= MAX_HAMMING_DISTANCE)
        # What is known so far in one edge a hash: memory stays small though all hashes may be near each other.
        known = np.stack((np.arange(count), labels), axis=1)
        labels = _first_of_each(_connected(count, np.concatenate((known, np.stack((near + start, earlier), axis=1)))))
    return labels


def _connected(count: int, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    graph = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    labels: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels


def _first_of_each(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Instead of each label the first place that has it."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)

"""Images as the model sees them: upright, 8-bit, in sRGB, on white paper."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from PIL import Image, ImageCms

from image_reader.header import ImageError, read_header, read_image_file
from image_reader.opening import DECODING_ERRORS, fix_of, open_lazily, orientation_of, reason, zero_is_left_white

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by EXIF's orientation."""


_TILE = 1 << 22  # pixels that are converted at once: each step takes 16 MB, and the whole image exists twice at most
_LARGE = 1 << 24  # pixels
_large_image = threading.Lock()


def open_image(source: Path | bytes) -> Image.Image:
    """The decoded image, upright, in mode RGB or L, from a file's path or bytes; no profile, EXIF or text comes along.

    It takes 5 bytes a pixel of a palette, 8 of RGB, 12 of RGB that EXIF turns. Of large images, one is decoded at a
    time, however many threads there are.

    Raises ImageError as read_header does, and if the image cannot be decoded; OSError as read_image_file does.
    """
    data = source if isinstance(source, bytes) else read_image_file(source)
    header = read_header(data)
    turn = _large_image if header.width * header.height > _LARGE else nullcontext()
    try:
        with turn, open_lazily(io.BytesIO(data)) as image:
            return _normalised(image)
    except DECODING_ERRORS as error:
        raise ImageError(f"cannot be decoded ({reason(error)})", fix_of(error)) from error


def upright_rgb(image: Image.Image | Path | str) -> Image.Image:
    """The pixels that open_image gives of a file, in mode RGB; `image` is its path, or was opened from it.

    Raises ImageError, with a whole sentence, if the file cannot be read, or not be decoded.
    """
    if not isinstance(image, Image.Image):
        try:
            return open_image(Path(image)).convert("RGB")
        except (ImageError, OSError) as error:
            problem = error if isinstance(error, ImageError) else f"cannot be read ({error.strerror})"
            raise ImageError(f"The image {image} {problem}: give the path of another copy of it.") from error
    try:
        return _normalised(image).convert("RGB")
    except DECODING_ERRORS as error:
        raise ImageError(f"The image cannot be decoded ({reason(error)}): open another copy of it.") from error


def _normalised(image: Image.Image) -> Image.Image:
    turn, zero_is_white = _TURNS.get(orientation_of(image)), zero_is_left_white(image)
    image.load()
    profile = image.info.get("icc_profile")
    upright = image if turn is None else image.transpose(turn)
    if _is_plain(upright, profile):
        plain = upright.copy()
        plain.info.clear()
        return plain
    clean: Image.Image | None = None
    for box in _tiles(upright.size):
        part = upright if box == (0, 0, *upright.size) else upright.crop(box)
        plain = _to_srgb(_on_white(_eight_bit(part, zero_is_white)), profile)
        clean = clean or Image.new(plain.mode, upright.size)
        clean.paste(plain, box)
    assert clean is not None, "an image has a pixel"
    return clean


def _is_plain(image: Image.Image, profile: bytes | None) -> bool:
    return image.mode in ("RGB", "L") and not profile and "transparency" not in image.info


def _tiles(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """The boxes of an image, from one end of its longer side to the other, of about _TILE pixels each."""
    width, height = size
    longer = max(size)
    step = max(1, _TILE // min(size))
    for start in range(0, longer, step):
        end = min(start + step, longer)
        yield (start, 0, end, height) if width == longer else (0, start, width, end)


def _eight_bit(image: Image.Image, zero_is_white: bool) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own convert() would clip it
        import numpy as np  # noqa: PLC0415  a tenth of a second and 15 MB that few images need

        pixels = np.asarray(image).astype(np.int64).clip(0, 65535)  # Pillow has 32 bits for some files
        if zero_is_white:
            pixels = 65535 - pixels
        if isinstance(transparent := image.info.get("transparency"), int):
            pixels[pixels == transparent] = 65535
        return Image.fromarray((pixels // 257).astype(np.uint8))
    return image.convert("L") if image.mode in ("1", "F") else image


def _on_white(image: Image.Image) -> Image.Image:
    """Transparent parts become paper; black, which Pillow's convert() would show there, means wall."""
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layered).convert("RGB")
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # a broken profile, or one for another colour space: leave the numbers
        return image
    return converted if converted is not None else image

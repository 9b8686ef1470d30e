"""Image files, one at a time: what a file says about itself, and its pixels as a uint8 array.

Conversions are the same everywhere: transparent areas become white, 16-bit grey is divided by 257, CMYK and other
colours become RGB, pictures are turned upright as EXIF says, and of an animation the first frame is taken. Pillow is
imported here, for fitting and for display only.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fittingroom.data.framing import framed
from fittingroom.data.wanted import Fit, Size

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})

_GREY = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"})
_PALETTE_STEP = {"RGB": 3, "BGR": 3, "RGBX": 4, "BGRX": 4}  # bytes for each colour
_TURNED_SIDEWAYS = frozenset({5, 6, 7, 8})  # values of EXIF's orientation that swap height and width


File = Path | bytes
"""A file of this machine, or the content of one that is elsewhere."""


class Unreadable(Exception):
    """Why a file does not give a picture: the second half of a sentence that begins with its name."""


class Header(NamedTuple):
    """What a file says about itself before its pixels are decoded."""

    height: int
    width: int
    is_grey: bool
    conversions: tuple[str, ...]
    """What will be done to its pixels, in words."""


def header(file: File) -> Header:
    """Size (when upright) and kind of a picture; raises Unreadable."""
    with _opened(file) as image:
        _refuse_floating_point(image)
        width, height = image.size
        if image.format != "TIFF" and _orientation(image) in _TURNED_SIDEWAYS:  # Pillow turns TIFF itself
            width, height = height, width
        return Header(height, width, _is_grey(image), tuple(_conversions(image)))


def pixels(file: File, *, grey: bool, size: Size | None = None, fit: Fit = "pad") -> NDArray[np.uint8]:
    """The picture as (height, width, channels), 1 channel if ``grey`` and else 3; raises Unreadable.

    With ``size`` (height, width) it is brought to that by the policy ``fit``.
    """
    with _opened(file) as image:
        ImageOps.exif_transpose(image, in_place=True)
        plain = _without_depth_and_transparency(image).convert("L" if grey else "RGB")
        if size is not None:
            plain = framed(plain, size, fit)
        array = np.asarray(plain)
    return array[:, :, np.newaxis] if grey else array


@contextmanager
def _opened(file: File) -> Iterator[Image.Image]:
    """The file as a Pillow image; whatever goes wrong, also later with its pixels, is Unreadable."""
    try:
        if isinstance(file, Path) and not file.is_file():
            raise Unreadable("is no regular file (a broken link, or no file at all)")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd but readable metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _stream(file) as stream, Image.open(stream, formats=FORMATS) as image:
                yield image
    except Unreadable:
        raise
    except UnidentifiedImageError:
        size = len(file) if isinstance(file, bytes) else file.stat().st_size
        reason = f"is none of {', '.join(FORMATS)}" if size else "is empty"
        raise Unreadable(reason) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Unreadable(f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels, as a decompression bomb would") from None
    except OSError as error:
        raise Unreadable(
            f"cannot be opened ({error.strerror})" if error.strerror else f"is damaged ({error})"
        ) from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise Unreadable(f"is damaged ({error})") from error


def _stream(file: File) -> BinaryIO:
    return io.BytesIO(file) if isinstance(file, bytes) else file.open("rb")


def _is_grey(image: Image.Image) -> bool:
    if image.mode == "P" and image.palette is not None:
        layout, colours = image.palette.getdata()  # image.getpalette() would decode the pixels first
        step = _PALETTE_STEP.get(layout)
        return step is not None and colours[0::step] == colours[1::step] == colours[2::step]
    return image.mode in _GREY


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, as far as it is known before the pixels are decoded; 1 is upright."""
    if image.format != "TIFF" and "exif" not in image.info:
        return 1  # asking would make Pillow decode the whole PNG in search of it
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def _conversions(image: Image.Image) -> Iterator[str]:
    if image.mode.startswith("I"):
        yield "16-bit grey divided by 257"
    elif image.has_transparency_data:
        yield "transparent areas made white"
    if image.mode in {"CMYK", "YCbCr", "LAB", "HSV"}:
        yield f"{image.mode} converted to RGB"
    if _orientation(image) != 1:
        yield "turned upright as EXIF says"
    if getattr(image, "is_animated", False):
        yield "first frame taken"


def _refuse_floating_point(image: Image.Image) -> None:
    if image.mode == "F":
        raise Unreadable("has floating-point pixels; save it with 8 bits")


def _without_depth_and_transparency(image: Image.Image) -> Image.Image:
    _refuse_floating_point(image)
    if image.mode.startswith("I"):
        levels = np.asarray(image)
        if levels.min() < 0 or levels.max() > 0xFFFF:
            raise Unreadable(f"has pixels from {levels.min()} to {levels.max()}; save it with 8 or 16 bits")
        return Image.fromarray(np.rint(levels / 257).astype(np.uint8))
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return image

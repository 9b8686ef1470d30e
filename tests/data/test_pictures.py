"""One image file of each kind, as pixels."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from fittingroom.data.pictures import Unreadable, header, pixels

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (4, 8), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (4, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "TIFF", "webp"])
def test_lossless_formats_keep_every_pixel(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    colour = Image.fromarray(COLOUR)
    if suffix == "gif":
        colour = colour.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)  # 32 pixels: enough colours
    colour.save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(pixels(path, grey=False), COLOUR)
    assert header(path) == (4, 8, False, ())


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif"])
def test_grey_files_are_known_as_grey(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(GREY).save(path)
    assert header(path).is_grey
    assert np.array_equal(pixels(path, grey=True), GREY[..., None])
    assert np.array_equal(pixels(path, grey=False), np.stack([GREY] * 3, axis=-1))


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp"])
def test_palettes_of_greys_are_grey(suffix: str, tmp_path: Path) -> None:
    for name, colours in (("grey", [9, 9, 9, 200, 200, 200]), ("colour", [9, 9, 9, 200, 200, 201])):
        image = Image.fromarray(GREY % 2).convert("P")
        image.putpalette(colours)
        image.save(tmp_path / f"{name}.{suffix}")
    assert header(tmp_path / f"grey.{suffix}").is_grey
    assert not header(tmp_path / f"colour.{suffix}").is_grey
    got = pixels(tmp_path / f"grey.{suffix}", grey=True)[..., 0]
    assert np.array_equal(got, np.where(GREY % 2, 200, 9))


def test_headers_are_read_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    for mode in ("1", "L", "P", "RGB", "RGBA", "I;16"):
        Image.new(mode, (3, 2)).save(tmp_path / "image.png")
        assert header(tmp_path / "image.png")[:2] == (2, 3)


def test_jpeg_is_near(tmp_path: Path) -> None:
    smooth = np.broadcast_to(np.arange(0, 240, 10, dtype=np.uint8), (16, 24))
    Image.fromarray(np.ascontiguousarray(smooth)).save(tmp_path / "image.jpeg", quality=95)
    got = pixels(tmp_path / "image.jpeg", grey=True)[..., 0]
    assert np.abs(got.astype(int) - smooth).max() <= 4


def test_equal_channels_stay_three(tmp_path: Path) -> None:
    Image.fromarray(np.stack([GREY] * 3, axis=-1)).save(tmp_path / "image.png")
    assert not header(tmp_path / "image.png").is_grey


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_are_divided_by_257(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    levels = np.array([[0, 128, 129, 257], [65535, 65407, 65406, 1000]], np.uint16)
    Image.fromarray(levels).save(path)
    assert header(path) == (2, 4, True, ("16-bit grey divided by 257",))
    assert pixels(path, grey=True)[..., 0].tolist() == [[0, 0, 1, 1], [255, 255, 254, 4]]


def test_black_and_white_becomes_0_and_255(tmp_path: Path) -> None:
    Image.fromarray(GREY > 99).save(tmp_path / "image.png")
    assert np.array_equal(pixels(tmp_path / "image.png", grey=True)[..., 0], np.where(GREY > 99, 255, 0))


def test_transparent_areas_become_white(tmp_path: Path) -> None:
    rgba = np.dstack([COLOUR, np.tile(np.array([0, 255], np.uint8), (4, 4))])
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    assert header(tmp_path / "rgba.png").conversions == ("transparent areas made white",)
    got = pixels(tmp_path / "rgba.png", grey=False)
    assert (got[:, ::2] == 255).all()
    assert np.array_equal(got[:, 1::2], COLOUR[:, 1::2])

    Image.new("LA", (3, 2), (100, 0)).save(tmp_path / "la.png")
    assert header(tmp_path / "la.png").is_grey
    assert pixels(tmp_path / "la.png", grey=True).tolist() == [[[255]] * 3] * 2

    Image.new("L", (3, 2), 7).save(tmp_path / "colour_key.png", transparency=7)
    assert pixels(tmp_path / "colour_key.png", grey=True).tolist() == [[[255]] * 3] * 2

    palette = Image.new("P", (3, 2), 1)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.save(tmp_path / "palette.png", transparency=1)
    assert pixels(tmp_path / "palette.png", grey=False).tolist() == [[[255] * 3] * 3] * 2
    palette.save(tmp_path / "opaque.png")
    assert pixels(tmp_path / "opaque.png", grey=False).tolist() == [[[40, 50, 60]] * 3] * 2


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "image.tif")
    assert header(tmp_path / "image.tif").conversions == ("CMYK converted to RGB",)
    assert pixels(tmp_path / "image.tif", grey=False)[0, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, COLOUR), (3, COLOUR[::-1, ::-1]), (6, np.rot90(COLOUR, -1)), (8, np.rot90(COLOUR)), (2, COLOUR[:, ::-1])],
)
def test_exif_turns_pictures_upright(suffix: str, orientation: int, upright: Any, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOUR).save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    told = header(path)
    assert (told.height, told.width) == upright.shape[:2]
    assert told.conversions == (() if orientation == 1 else ("turned upright as EXIF says",))
    assert np.array_equal(pixels(path, grey=False), upright)


def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "image.gif", save_all=True, append_images=frames[1:])
    assert header(tmp_path / "image.gif").conversions == ("first frame taken",)
    assert pixels(tmp_path / "image.gif", grey=False)[0, 0].tolist() == [255, 0, 0]


def test_scaling_keeps_proportions_and_centres_on_white(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), "black").save(tmp_path / "wide.png")
    got = pixels(tmp_path / "wide.png", grey=False, size=(10, 10))
    assert got.shape == (10, 10, 3)
    assert got[:, 0, 0].tolist() == [255, 255, 0, 0, 0, 0, 0, 255, 255, 255]
    Image.new("L", (2, 4), 0).save(tmp_path / "high.png")
    got = pixels(tmp_path / "high.png", grey=True, size=(8, 8))
    assert got[3, :, 0].tolist() == [255, 255, 0, 0, 0, 0, 255, 255]


def encoded(kind: str, image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


NOISE = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
HOSTILE = [
    (b"", "is empty"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is none of PNG, JPEG, BMP, GIF, WEBP, TIFF"),
    (encoded("PPM", NOISE), "is none of PNG, JPEG, BMP, GIF, WEBP, TIFF"),
    (encoded("TIFF", Image.new("F", (2, 2))), "has floating-point pixels; save it with 8 bits"),
    (encoded("TIFF", Image.new("I", (2, 2), 70_000)), "has pixels from 70000 to 70000; save it with 8 or 16 bits"),
    *((encoded(kind, NOISE)[:2000], "is damaged (") for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF")),
]


@pytest.mark.parametrize(("content", "reason"), HOSTILE)
def test_hostile_files_are_unreadable_and_say_why(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refused:
        pixels(path, grey=False)
    assert str(refused.value).startswith(reason)


def test_damage_anywhere_in_a_file_is_unreadable_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "image"
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
        whole = encoded(kind, NOISE)
        for _ in range(40):
            damaged = bytearray(whole)
            for position in RNG.integers(0, min(len(whole), 400), 8):
                damaged[position] = RNG.integers(256)
            path.write_bytes(damaged)
            try:
                assert pixels(path, grey=False).dtype == np.uint8
            except Unreadable:
                continue


def test_decompression_bombs_are_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("1", (1500, 1000)).save(tmp_path / "bomb.png")
    for limit in (1_000_000, 100_000):  # Pillow only warns up to twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(Unreadable, match=f"has more than {limit:,} pixels, as a decompression bomb would"):
            header(tmp_path / "bomb.png")


def test_what_is_no_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    for name in ("loop.png", "broken.png", "pipe.png", "missing.png"):
        with pytest.raises(Unreadable, match="is no regular file"):
            pixels(tmp_path / name, grey=True)

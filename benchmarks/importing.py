"""What importing many images costs in each form: ``python importing.py --images 1000000 npz idx csv``.

Writes that many different 28×28 images (Fashion-MNIST, shifted, each with its number in the corner) to a temporary
folder, then looks at them and imports them, each in a process of its own, and prints seconds, images per second and
peak memory as one line of Markdown each. ``--quick``: 20,000 images. Linux only.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import fittingroom as fr
from fittingroom.data.sources import import_data, load, preview_data
from fittingroom.workspace import Workspace

STEP = 10_000
Pixels = NDArray[np.uint8]


def blocks(count: int) -> Iterator[tuple[Pixels, Pixels]]:
    """Images (n, 28, 28) and labels (n,), no two images the same."""
    data = fr.load("fashion-mnist")
    for start in range(0, count, STEP):
        numbers = np.arange(start, min(start + STEP, count))
        images = np.roll(data.images[numbers % len(data)][..., 0], start // len(data), axis=1)
        images[:, 0, :4] = (numbers[:, None] >> np.array([0, 8, 16, 24])) & 255
        yield images, data.labels[numbers % len(data)].astype(np.uint8)


def npz(compression: int) -> Callable[[Path, int], Path]:
    def write(root: Path, count: int) -> Path:
        labels = []
        with zipfile.ZipFile(root / "many.npz", "w", compression, compresslevel=1) as file:
            with file.open("x_train.npy", "w", force_zip64=True) as stream:
                header = {"descr": "|u1", "fortran_order": False, "shape": (count, 28, 28)}
                np.lib.format.write_array_header_1_0(stream, header)
                for images, answers in blocks(count):
                    stream.write(images.tobytes())
                    labels.append(answers)
            with file.open("y_train.npy", "w") as stream:
                np.save(stream, np.concatenate(labels))
        return root / "many.npz"

    return write


def idx(opened: Callable[[Path, str], Any], ending: str) -> Callable[[Path, int], Path]:
    def write(root: Path, count: int) -> Path:
        number = count.to_bytes(4, "big")
        with (
            opened(root / f"train-images-idx3-ubyte{ending}", "wb") as images_file,
            opened(root / f"train-labels-idx1-ubyte{ending}", "wb") as labels_file,
        ):
            images_file.write(b"\0\0\x08\x03" + number + b"\0\0\0\x1c" * 2)
            labels_file.write(b"\0\0\x08\x01" + number)
            for images, labels in blocks(count):
                images_file.write(images.tobytes())
                labels_file.write(labels.tobytes())
        return root

    return write


def gzipped(path: Path, mode: str) -> Any:
    return gzip.open(path, mode, compresslevel=1)


def csv(root: Path, count: int) -> Path:
    with (root / "many.csv").open("w") as file:
        file.write("label," + ",".join(f"pixel{number}" for number in range(1, 785)) + "\n")
        for images, labels in blocks(count):
            for pixels, label in zip(images.reshape(len(images), -1).tolist(), labels.tolist(), strict=True):
                file.write(f"{label},{','.join(map(str, pixels))}\n")
    return root / "many.csv"


def pictures(count: int) -> Iterator[tuple[str, bytes]]:
    number = 0
    for images, labels in blocks(count):
        for pixels, label in zip(images, labels.tolist(), strict=True):
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
            yield f"{label}/{number}.png", stream.getvalue()
            number += 1


def folder(root: Path, count: int) -> Path:
    for label in range(10):
        (root / "many" / str(label)).mkdir(parents=True)
    for name, content in pictures(count):
        (root / "many" / name).write_bytes(content)
    return root / "many"


def zipped(root: Path, count: int) -> Path:
    with zipfile.ZipFile(root / "many.zip", "w") as file:
        for name, content in pictures(count):
            file.writestr(name, content)
    return root / "many.zip"


def tarred(root: Path, count: int) -> Path:
    with tarfile.open(root / "many.tar", "w") as file:
        for name, content in pictures(count):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
            file.members.clear()  # type: ignore[attr-defined]
    return root / "many.tar"


FORMS = {
    "npz": npz(zipfile.ZIP_STORED),
    "npz-compressed": npz(zipfile.ZIP_DEFLATED),
    "idx": idx(lambda path, mode: path.open(mode), ""),
    "idx-gz": idx(gzipped, ".gz"),
    "csv": csv,
    "zip": zipped,
    "tar": tarred,
    "folder": folder,
}


def measure(path: Path, what: str, root: Path) -> dict[str, float]:
    """Seconds and peak memory of this process (MB), and how long opening takes afterwards (ms)."""
    began = time.perf_counter()
    workspace = Workspace(root / "workspace")
    if what == "look":
        preview_data(path, "many")
    else:
        import_data(path, workspace, "many")
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text()  # what resource tells counts the process that started this one
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1000
    began = time.perf_counter()
    if what == "import":
        load("many", workspace).images[0]
    return {"seconds": seconds, "peak": peak, "open": 1000 * (time.perf_counter() - began)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("forms", nargs="*", default=list(FORMS), metavar="FORM", help=", ".join(FORMS))
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="20,000 images")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # a process of its own
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(Path(asked.one[0]), asked.one[1], Path(asked.one[2]))))
        return
    count = 20_000 if asked.quick else asked.images
    print("| form | images | looking (s) | importing (s) | images/s | peak memory (MB) | opening (ms) |")
    print("|---|---|---|---|---|---|---|")
    for form in asked.forms:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "source").mkdir()
            path = FORMS[form](Path(place) / "source", count)
            look, done = (_alone(path, what, place) for what in ("look", "import"))
        peak = max(look["peak"], done["peak"])
        print(
            f"| {form} | {count:,} | {look['seconds']:.1f} | {done['seconds']:.1f} | {count / done['seconds']:,.0f} "
            f"| {peak:,.0f} | {done['open']:.1f} |",
            flush=True,
        )


def _alone(path: Path, what: str, place: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(path), what, place]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


if __name__ == "__main__":
    main()

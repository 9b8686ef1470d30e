"""Every form in which people bring labelled images, and which of them a path is.

The command line and the page know formats by this list alone: a new one is a module with ``read`` and ``preview``, and
one more entry here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fittingroom.data import pictures
from fittingroom.data.forms import archive, csv_files, folder, idx, npz, parquet
from fittingroom.data.incoming import Incoming, Preview, Progress
from fittingroom.data.naming import shown
from fittingroom.data.wanted import Size, Wanted
from fittingroom.errors import InvalidData, InvalidInput


@dataclass(frozen=True)
class Format:
    """One form of labelled images, and what reads it."""

    name: str
    """For people: "folder of images"."""
    suffixes: tuple[str, ...]
    """Of a file that is a data set by itself, such as ".npz"; none for a folder."""
    members: frozenset[str]
    """Suffixes of the files that count inside a folder; none for a file."""
    layout: str
    """How it should look, as people would draw it."""
    about: str
    """What else is good to know, in a sentence or two."""
    preview: Callable[[Path, Wanted, Progress], Preview]
    """What ``read`` would make of it; nothing is written."""
    read: Callable[[Path, Wanted], Incoming]
    files: Callable[[Path], Sequence[Path]] = lambda path: [path]
    """What ``read`` looks at, so that changes of it are seen; may raise InvalidData."""
    fits_folder: Callable[[Path], bool] = Path.is_dir
    """Whether a folder looks like this, for those that are no files."""
    columns: Callable[[Path], Sequence[str]] = lambda path: ()
    """Names of the columns that could tell the class, where there are columns; may raise InvalidData."""

    @property
    def is_folder(self) -> bool:
        return not self.suffixes

    def fits(self, path: Path) -> bool:
        """Whether a path looks like this, by its kind and the names of files alone."""
        return self.fits_folder(path) if self.is_folder else path.is_file() and self._ending(path) != ""

    def stem(self, path: Path) -> str:
        """The name without the suffix that tells the format."""
        ending = self._ending(path)
        return path.name[: -len(ending)].rstrip("-._") if ending else path.name

    def _ending(self, path: Path) -> str:
        return max((suffix for suffix in self.suffixes if path.name.lower().endswith(suffix)), key=len, default="")


FOLDER = Format(
    name="folder of images",
    suffixes=(),
    members=pictures.SUFFIXES,
    layout=(
        "fruit/\n  apple/   1.png  2.png  …\n  pear/    1.png  2.png  …\n\n"
        "or with a test part of its own:\n\n"
        "fruit/\n  train/   apple/  pear/\n  test/    apple/  pear/"
    ),
    about=(
        "One folder of images for each class: PNG, JPEG, BMP, GIF, WebP and TIFF. A folder named val or validation "
        "joins the training images, unless a run asks for them to validate."
    ),
    preview=folder.preview,
    read=folder.read,
    files=folder.files,
)
NPZ = Format(
    name="NumPy arrays",
    suffixes=(".npz",),
    members=frozenset(),
    layout="x_train  (60000, 28, 28)  uint8\ny_train  (60000,)\nx_test   (10000, 28, 28)\ny_test   (10000,)",
    about=(
        "Also images and labels without a test part, floats 0 to 1, colour as N×height×width×3, and one-hot labels. "
        "An array class_names may name the classes."
    ),
    preview=npz.preview,
    read=npz.read,
)
IDX_FILE = Format(
    name="IDX file",
    suffixes=idx.SUFFIXES,
    members=frozenset(),
    layout="train-images-idx3-ubyte.gz\ntrain-labels-idx1-ubyte.gz   beside it",
    about="One file of images with its labels beside it, plain or gzipped, as MNIST and its relatives are published.",
    preview=idx.preview,
    read=idx.read,
    files=idx.files,
)
IDX_FOLDER = Format(
    name="folder of IDX files",
    suffixes=(),
    members=idx.MEMBERS,
    layout=(
        "mnist/\n  train-images-idx3-ubyte.gz  train-labels-idx1-ubyte.gz\n"
        "  t10k-images-idx3-ubyte.gz   t10k-labels-idx1-ubyte.gz"
    ),
    about="The files with t10k or test in their names are the test part; they may be missing.",
    preview=idx.preview,
    read=idx.read,
    files=idx.files,
    fits_folder=idx.fits_folder,
)
ARCHIVE = Format(
    name="archive of such a folder",
    suffixes=archive.SUFFIXES,
    members=frozenset(),
    layout="fruit.zip\n  apple/   1.png  2.png  …\n  pear/    1.png  2.png  …",
    about="zip or tar, with or without one folder around it. Links in it are left out.",
    preview=archive.preview,
    read=archive.read,
)
CSV_FILE = Format(
    name="CSV of pixels, or list of images",
    suffixes=csv_files.TABLES + csv_files.LISTS,
    members=frozenset(),
    layout="label,pixel1,…,pixel784\n0,0,0,13,…\n\nor\n\npath,label,split\ncats/1.png,cat,train",
    about=(
        "Tables as Kaggle has them: one row for each image, the label first or last. Lists may be CSV, JSON or JSON "
        "lines; they name files below their own folder."
    ),
    preview=csv_files.preview,
    read=csv_files.read,
    files=csv_files.files,
    columns=csv_files.columns,
)
CSV_FOLDER = Format(
    name="folder with such tables or lists",
    suffixes=(),
    members=frozenset({*csv_files.TABLES, *csv_files.LISTS}),
    layout="fashion/\n  fashion-mnist_train.csv\n  fashion-mnist_test.csv",
    about="A file with test in its name is the test part; there may be none.",
    preview=csv_files.preview,
    read=csv_files.read,
    files=csv_files.files,
    columns=csv_files.columns,
    fits_folder=csv_files.fits_folder,
)
PARQUET_FILE = Format(
    name="Parquet or Arrow file",
    suffixes=parquet.SUFFIXES,
    members=frozenset(),
    layout="image  {bytes, path}\nlabel  whole numbers, or text",
    about='As Hugging Face datasets have them. Needs pip install "fittingroom[parquet]".',
    preview=parquet.preview,
    read=parquet.read,
)
PARQUET_FOLDER = Format(
    name="folder of a Hugging Face data set",
    suffixes=(),
    members=frozenset(parquet.SUFFIXES),
    layout="data/\n  train-00000-of-00001.parquet\n  test-00000-of-00001.parquet\n\nor what save_to_disk writes",
    about='Parts are told by train, validation and test in the names. Needs pip install "fittingroom[parquet]".',
    preview=parquet.preview,
    read=parquet.read,
    files=parquet.files,
    fits_folder=parquet.fits_folder,
)
FORMATS: tuple[Format, ...] = (
    FOLDER,
    ARCHIVE,
    NPZ,
    IDX_FILE,
    IDX_FOLDER,
    CSV_FILE,
    CSV_FOLDER,
    PARQUET_FILE,
    PARQUET_FOLDER,
)
"""For people in this order; where several fit a path, the last of them does."""


def format_of(path: Path) -> Format:
    """The form that an existing path has; raises InvalidData, naming those that can be read."""
    found = next((form for form in reversed(FORMATS) if form.fits(path)), None)
    if found is None:
        raise InvalidData(f"{shown(path)} is nothing that can be read; what can be: {', '.join(map(_named, FORMATS))}")
    return found


def file_suffixes() -> tuple[str, ...]:
    """Of files that are data sets by themselves."""
    return tuple(suffix for form in FORMATS for suffix in form.suffixes)


def loose_suffixes() -> tuple[str, ...]:
    """Of files that need no folder around them: data sets by themselves, and what belongs beside such."""
    wholes = set(file_suffixes())
    return tuple(sorted(wholes.union(*(form.members for form in FORMATS if wholes & form.members))))


def member_suffixes() -> tuple[str, ...]:
    """Of files that count inside a folder, in alphabetical order."""
    return tuple(sorted({suffix for form in FORMATS for suffix in form.members}))


def stem(path: Path) -> str:
    """The name of a file without the suffix that tells its format, or of a folder."""
    return min((form.stem(path) for form in FORMATS if not form.is_folder), key=len, default=path.name)


def proposed_name(path: Path) -> str:
    """What a data set of these files is called unless somebody names it: ``My photos (2)`` becomes ``My-photos-2``."""
    plain = unicodedata.normalize("NFKD", stem(path)).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-._")[:64] or "images"


def parse_size(text: str) -> Size | None:
    """``64x48`` -> (64, 48), height first; ``64`` for both; None for nothing. Raises InvalidInput."""
    if not text.strip():
        return None
    sides: Sequence[str] = re.split(r"\s*[x×*]\s*", text.strip().lower())
    if len(sides) > 2 or not all(re.fullmatch(r"[0-9]{1,5}", side) for side in sides):
        raise InvalidInput(f'"{text}" is no size; give height and width in pixels, such as 64x64')
    return int(sides[0]), int(sides[-1])


def _named(form: Format) -> str:
    return f"{form.name} ({', '.join(form.suffixes)})" if form.suffixes else form.name

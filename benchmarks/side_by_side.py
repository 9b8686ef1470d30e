"""What the benchmarks against others share: processes that always end, environments of the others, the report.

All sides run as processes of their own, in turns on the same cores, so that whatever else the machine does meets
all alike. Needs Linux or macOS, and one of the Pythons that the pinned TensorFlow has wheels for.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from fittingroom.engine.plan import processor_name

HERE = Path(__file__).resolve().parent
KERAS_FOLDER = HERE / ".venv-keras"
KERAS_PINS = ("tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy==2.4.6", "scipy==1.17.1")
PEERS_FOLDER = HERE / ".venv-peers"
PEERS_PINS = ("skorch==1.4.0", "scikit-learn==1.9.1", "tabulate==0.10.0", "tqdm==4.70.1")


@dataclass(frozen=True)
class Finished:
    """A process that ended with status 0."""

    seconds: float
    """Wall time from its start to its end."""
    output: str

    @property
    def outcome(self) -> dict[str, Any]:
        """The JSON object in its last line."""
        found: dict[str, Any] = json.loads(self.output.splitlines()[-1])
        return found


def run(
    command: Sequence[str | Path], seconds_allowed: float, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a process to its end; it and all that it started are gone afterwards, whatever happens.

    Raises SystemExit with the process's own last words when it fails or takes longer than it may.
    """
    name = " ".join(str(word) for word in command)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=complaints,
            env={**os.environ, **(environment or {})}, start_new_session=True,
        )  # fmt: skip
        deadline = threading.Timer(seconds_allowed, kill_session, [process.pid])
        deadline.daemon = True
        try:
            deadline.start()
            status = process.wait()  # a wait with a timeout would poll, and be up to 50 ms late
            seconds = time.perf_counter() - start
        finally:
            deadline.cancel()
            kill_session(process.pid)
            process.wait()
        if seconds >= seconds_allowed:
            raise SystemExit(f"stopped after {seconds_allowed:.0f} s, the longest that was allowed: {name}")
        if status != 0:
            raise SystemExit(f"{last_words(complaints)}\n\nended with status {status}: {name}")
        output.seek(0)
        return Finished(seconds, output.read().decode())


def last_words(complaints: IO[bytes]) -> str:
    """The end of what a process wrote to this file."""
    complaints.seek(0)
    return "\n".join(complaints.read().decode(errors="replace").splitlines()[-20:])


def kill_session(leader: int) -> None:
    """End a process that leads a session of its own, and all that it started there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # gone; macOS says "not permitted" of the dead
        os.killpg(leader, signal.SIGKILL)


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, so that ``run`` takes its process along."""

    def leave(number: int, _: object) -> None:
        sys.exit(f"ended by {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def keras_python(chosen: Path | None) -> Path:
    """The Python that Keras runs in: the one chosen, or that of ``.venv-keras``, which is made first if need be."""
    if chosen is not None:
        if not chosen.is_file():
            raise SystemExit(f"there is no Python at {chosen}; leave --keras-python out to have one made")
        return chosen.absolute()
    return _made(KERAS_FOLDER, KERAS_PINS)


def peers_python() -> Path:
    """The Python of ``.venv-peers``, made first if need be; it borrows torch and NumPy from this one."""
    return _made(PEERS_FOLDER, PEERS_PINS, borrowed=Path(sysconfig.get_path("purelib")))


def _made(folder: Path, packages: Sequence[str], borrowed: Path | None = None) -> Path:
    """The Python of an environment with these packages, and those of another one that come after them."""
    python, ready = folder / "bin" / "python", folder / "ready"
    pins = "\n".join([*packages, *([str(borrowed)] if borrowed else [])])
    if not ready.is_file() or ready.read_text() != pins:
        say(f"making {folder.name} with {', '.join(packages)} (once; takes some minutes)")
        run([sys.executable, "-m", "venv", "--clear", folder], seconds_allowed=300)
        if borrowed:
            (own,) = folder.glob("lib/python*/site-packages")
            (own / "borrowed.pth").write_text(f"{borrowed}\n")
        run([python, "-m", "pip", "install", "--disable-pip-version-check", *packages], seconds_allowed=1800)
        ready.write_text(pins)
    return python


def keras_environment(folder: Path) -> dict[str, str]:
    """TensorFlow on the CPU, with Keras' own defaults whatever ``~/.keras`` says; Keras' files go to ``folder``."""
    return {
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(folder),
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


@dataclass(frozen=True)
class Spread:
    """What repeated measurements gave."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def show(self, form: str) -> str:
        """``median (lowest – highest)``, each formatted by ``form``."""
        return f"{self.median:{form}} ({min(self.values):{form}} – {max(self.values):{form}})"


def options(description: str | None, *, repeats: int) -> argparse.ArgumentParser:
    """The options that the benchmarks against Keras have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=positive, default=repeats, help=f"pairs of measurements (default {repeats})")
    parser.add_argument("--quick", action="store_true", help="one short pair: does it work, not how fast it is")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="also write the report to this file")
    parser.add_argument("--keras-python", type=Path, metavar="PATH", help="a Python with Keras, not .venv-keras's")
    return parser


def positive(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def machine() -> str:
    """One line about where and when this is measured, and how busy it is; to be asked before measuring."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {processor_name('cpu')}, cores to use: {cores}, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, load before the start: {os.getloadavg()[0]:.1f}"
    )


def versions(*packages: str) -> str:
    """Installed versions of this environment's packages."""
    return ", ".join(f"{package} {metadata.version(package)}" for package in packages)


def say(line: str) -> None:
    """Progress, apart from the report."""
    print(line, file=sys.stderr, flush=True)


def publish(report: Sequence[str], out: Path | None) -> None:
    """Print a report, and write it where it was asked for."""
    text = "\n".join(report)
    print(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")

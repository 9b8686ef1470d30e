"""How long listing and showing runs takes: 1,000 runs of 200 epochs and 3 files in a new SQLite database.

    python benchmarks/store_listing.py [--runs 1000] [--epochs 200]

Prints the median and the slowest of 20 repetitions within one process, and of whole processes that list the runs
beside ones that only import the same modules: their difference is what a command pays beyond its start-up.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy

from fittingroom.store import Store
from fittingroom.store.schema import artifacts, attempts, epochs, runs

IMPORTS = "import sys, sqlite3, psutil, sqlalchemy.dialects.sqlite.pysqlite\nfrom fittingroom.store import Store\n"
LISTING = IMPORTS + "with Store.open(sys.argv[1]) as store: print(len(store.runs()))"


def fill(database: Path, run_count: int, epoch_count: int) -> None:
    """Real runs by the store's own methods; their epochs and files, and an attempt each, in bulk."""
    with Store.open(database) as store:
        names = [
            store.create_run(name="listed", spec="{}" * 1_000, spec_id="a" * 64, fingerprint="f", parameters=1)
            for _ in range(run_count)
        ]
    now = sqlalchemy.func.current_timestamp()
    attempt = {"number": 1, "host": "h", "pid": 1, "process_started": 0.0, "started": now, "plan": "{}"}
    figures = {"attempt": 1, "train_loss": 0.5, "train_accuracy": 0.8, "validation_loss": 0.5}
    figures |= {"validation_accuracy": 0.8, "learning_rate": 0.001, "seconds": 1.0}
    engine = sqlalchemy.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.update(runs).values(attempt=1, state="finished", epochs_done=epoch_count))
        for name in names:
            connection.execute(sqlalchemy.insert(attempts).values(run=name, **attempt))
            rows = [{"run": name, "epoch": epoch, **figures} for epoch in range(1, epoch_count + 1)]
            connection.execute(sqlalchemy.insert(epochs), rows)
            files = [{"kind": kind, "path": f"runs/{name}/{kind}"} for kind in ("best", "last", "predictions")]
            about = {"run": name, "attempt": 1, "sha256": "a" * 64, "bytes": 1_000_000}
            connection.execute(sqlalchemy.insert(artifacts), [file | about for file in files])
    engine.dispose()


def timed(what: str, action: Callable[[], object], repetitions: int = 20) -> float:
    """Print and return the median seconds of an action."""
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    print(f"{what:<34} median {median * 1e3:7.1f} ms   slowest {max(seconds) * 1e3:7.1f} ms   n = {repetitions}")
    return median


def process(program: str, database: Path) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", program, database], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--epochs", type=int, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "fittingroom.sqlite"
        fill(database, chosen.runs, chosen.epochs)
        print(f"{chosen.runs} runs × {chosen.epochs} epochs, {database.stat().st_size / 2**20:.0f} MiB")
        timed("open and close", lambda: Store.open(database).close())
        with Store.open(database) as store:
            timed("runs()", store.runs)
            timed("runs(limit=20)", lambda: store.runs(limit=20))
            timed('run("last")', lambda: store.run("last"))
        alone = timed("a process that only imports", process(IMPORTS, database))
        listing = timed("a process that lists all runs", process(LISTING, database))
        print(f"listing costs {(listing - alone) * 1e3:.1f} ms beyond start-up")


if __name__ == "__main__":
    main()

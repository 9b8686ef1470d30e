"""Several seeds, one after the other on all cores or one on each core: ``python benchmarks/seeds.py mlp --seeds 3``.

Wall time of ``fittingroom train PRESET --seeds K``, start of the processes included, from outside: with all cores for
each run, with one thread each and as many at once as there are cores, and as Fitting Room chooses, its measurement
included (it is made once for a spec on a machine) and then known. In turn, ``--rounds`` times. Watched meanwhile: how
many threads are promised to the runs that are trained at the same moment.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from fittingroom.engine.cores import machine_cores
from fittingroom.store import Store
from fittingroom.workspace import Workspace, cache_folder

EVERY_WAY = ("all cores", "one each", "chosen", "chosen again")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ways", nargs="+", choices=EVERY_WAY, default=EVERY_WAY)
    given = parser.parse_args()
    seconds: dict[str, list[float]] = {way: [] for way in given.ways}
    most, choice = 0, ""
    for _ in range(given.rounds):
        for way in given.ways:
            if way == "chosen":
                shutil.rmtree(cache_folder() / "together", ignore_errors=True)
            taken, threads, told = timed(given, way)
            seconds[way].append(taken)
            most, choice = max(most, threads), told if "chosen" in way else choice
            print(f"{way}: {taken:.1f} s", flush=True)
    print(f"{given.preset}, {given.seeds} seeds, {given.epochs} epochs, {machine_cores()} cores, n = {given.rounds}")
    for way, taken_each in seconds.items():
        spread = f" ({min(taken_each):.1f} to {max(taken_each):.1f})" if len(taken_each) > 1 else ""
        print(f"  {way:<13} {statistics.median(taken_each):6.1f} s{spread}")
    print(f"  most threads at a moment: {most}. {choice}")


def timed(given: argparse.Namespace, way: str) -> tuple[float, int, str]:
    """Seconds, the most threads of all runs at a moment, and what was chosen."""
    threads = {"all cores": machine_cores(), "one each": 1}.get(way)
    command = [sys.executable, "-m", "fittingroom", "train", given.preset, "--seeds", str(given.seeds), "--json"]
    command += ["--set", f"train.epochs={given.epochs}"]
    command += ["--threads", str(threads)] if threads else []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as said:
        workspace = Workspace.find(folder)
        environment = os.environ | {"FITTINGROOM_WORKSPACE": folder}
        began, most = time.perf_counter(), 0
        process = subprocess.Popen(command, env=environment, stdout=said)
        try:
            with Store.open(workspace.create().database) as store:
                while process.poll() is None:
                    running = [store.run(run.id) for run in store.runs() if run.state == "running"]
                    most = max(most, sum((run.plan or {}).get("threads", 0) for run in running))
                    time.sleep(0.2)
        finally:
            process.kill()  # where the watching broke off; its workers then end by themselves
            process.wait()
        taken = time.perf_counter() - began
        said.seek(0)
        lines = [json.loads(line) for line in said]
    assert process.returncode == 0, lines
    assert [line["state"] for line in lines[-given.seeds :]] == ["finished"] * given.seeds
    return taken, most, next(line["shares"] for line in lines if line.get("event") == "started")


if __name__ == "__main__":
    main()

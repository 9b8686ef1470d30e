"""Two workers and a command-line training on one machine: ``python benchmarks/two_workers.py [--threads 1]``.

Six runs are put into the queue, two workers take them up, and a training on the command line joins in. Watched from
outside: how many trainings go on at once, how many cores all three processes use together, and that nothing is
trained twice. With one thread each, as many go on at once as there are cores; with all threads, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import psutil

FITTINGROOM = (sys.executable, "-m", "fittingroom")
RUNS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--preset", default="starter")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FITTINGROOM_WORKSPACE"] = folder
        few = ("--set", "train.epochs=2")
        for seed in range(RUNS):
            told("train", given.preset, "--queue", "--seed", str(seed), *few, "--json")
        threads = ("--threads", str(given.threads))
        commands = [("worker", "--idle", "0", *threads)] * 2 + [("train", given.preset, "--seed", "99", *few, *threads)]
        began = time.perf_counter()
        processes = [subprocess.Popen([*FITTINGROOM, *command], stdout=subprocess.DEVNULL) for command in commands]
        running, cores = watch(processes)
        report(running, cores, time.perf_counter() - began, given.threads)


def told(*arguments: str) -> list[str]:
    return subprocess.run([*FITTINGROOM, *arguments], check=True, capture_output=True, text=True).stdout.splitlines()


def watch(processes: list[subprocess.Popen[bytes]]) -> tuple[list[int], list[float]]:
    """Twice a second: how many runs are being trained, and how many cores the processes use together."""
    seen = {process.pid: psutil.Process(process.pid) for process in processes}
    running, cores = [], []
    while any(process.poll() is None for process in processes):
        alive = [seen[process.pid] for process in processes if process.poll() is None]
        cores.append(sum(process.cpu_percent() for process in alive) / 100)
        states = [run["state"] for run in json.loads(told("runs", "list", "--json")[0])]
        running.append(states.count("running"))
        time.sleep(0.5)
    return running, cores


def report(running: list[int], cores: list[float], seconds: float, threads: int) -> None:
    runs = json.loads(told("runs", "list", "--json")[0])
    shown = [json.loads(told("runs", "show", run["run"], "--json")[0]) for run in runs]
    attempts, epochs = (sorted(len(run[what]) for run in shown) for what in ("attempts", "epochs"))
    processes = {run["attempts"][0]["process"] for run in shown}
    busy = [used for used, count in zip(cores, running, strict=True) if count]
    print(
        f"{threads} thread{'s' * (threads > 1)} each, {psutil.cpu_count()} cores: {seconds:.0f} s for {len(runs)} runs"
    )
    print(f"states {sorted({run['state'] for run in runs})}, trained by {len(processes)} processes")
    print(f"attempts at each {attempts}, epochs of each {epochs}")
    at_once = [count for count in running if count]
    print(f"trainings at once: at most {max(running)}, {sum(at_once) / len(at_once):.1f} on average")
    print(f"cores used while any trained: {sum(busy) / len(busy):.1f} on average (of those that this machine gave)")


if __name__ == "__main__":
    main()

"""How near to its time budget a training ends: ``python benchmarks/time_budget.py [--budgets 15 60] [--repeats 3]``.

Each training is a process of its own, watched from outside: the time from the line that says that it has started to
the line that says that it has ended, validation and saving included. Goal: within 3 %. Then one of them is replayed
from its trace, and the weights are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

FITTINGROOM = (sys.executable, "-m", "fittingroom")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="*", default=["mlp", "starter", "cnn"])
    parser.add_argument("--budgets", type=float, nargs="*", default=[15, 60])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FITTINGROOM_WORKSPACE"] = folder
        for preset in given.presets:
            for budget in given.budgets:
                for _ in range(given.repeats):
                    run, seconds, epochs = timed(preset, budget)
                    off = f"{100 * (seconds / budget - 1):+.1f} %"
                    print(f"{preset:10} budget {budget:5.1f} s  took {seconds:6.2f} s ({off})  {epochs} epochs, {run}")
        print(f"replay of {run}: {'the same' if replayed(run) else 'OTHER'} best weights")


def timed(preset: str, budget: float) -> tuple[str, float, int]:
    """The run's id, seconds from its start to its end, and its epochs, the last of which may be a part of one."""
    command = [*FITTINGROOM, "train", preset, "--budget", f"{budget:g}s", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            match said.get("event"):
                case "started":
                    began = time.perf_counter()
                case "ended":
                    return said["run"], time.perf_counter() - began, said["epochs"]
    raise SystemExit(f"{preset} did not end as it should")


def replayed(run: str) -> bool:
    """Whether a replay ends with the same weights, byte by byte."""
    ended = subprocess.run(
        [*FITTINGROOM, "runs", "restart", run, "--replay", "--json"], check=True, capture_output=True
    )
    again = json.loads(ended.stdout.splitlines()[-1])["run"]
    return digest(run) == digest(again)


def digest(run: str) -> str:
    shown = subprocess.run([*FITTINGROOM, "runs", "show", run, "--json"], check=True, capture_output=True)
    return str(json.loads(shown.stdout)["weights"]["best"]["sha256"])


if __name__ == "__main__":
    main()

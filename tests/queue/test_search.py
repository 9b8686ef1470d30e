"""A search chooses by what it has seen, the same for everybody who asks."""

from __future__ import annotations

import math
import statistics
from typing import Any

from fittingroom.queue.search import Tried, next_choice
from fittingroom.spec.arms import arm_of, arms
from fittingroom.spec.run import load_run_spec
from fittingroom.spec.study import StudySpec, study_from_plain

OPTIMIZERS = [{"name": "sgd", "momentum": 0.9}, {"name": "adam"}]
MLP = load_run_spec("mlp").to_json()


def study(method: str = "tpe", seed: int = 0, trials: int = 25) -> StudySpec:
    vary = {
        "train.optimizer": OPTIMIZERS,
        "train.clip_norm": {"low": 1e-4, "high": 1.0, "log": True},
        "network.dense_1.units": {"low": 8, "high": 256, "whole": True},
    }
    return study_from_plain({"vary": vary, "search": {"method": method, "trials": trials, "seed": seed}, "base": MLP})


def worth(choice: dict[str, Any]) -> float:
    """Best with adam, 0.01 and 100 units."""
    far = abs(math.log10(choice["train.clip_norm"]) + 2) + abs(choice["network.dense_1.units"] - 100) / 100
    return -far - 2 * (choice["train.optimizer"]["name"] != "adam")


def searched(spec: StudySpec) -> list[Tried]:
    tried: list[Tried] = []
    assert spec.search is not None
    for _ in range(spec.search.trials):
        choice = next_choice(spec, tried, higher_is_better=True)
        tried.append(Tried(choice, worth(choice), ended=True))
    return tried


def test_a_search_comes_nearer_than_chance() -> None:
    by_search = [max(each.value or 0 for each in searched(study(seed=seed))) for seed in range(0, 600, 100)]
    by_chance = []
    for seed in range(6):
        specs = [arm.spec for arm in arms(study("random", seed))]
        by_chance.append(
            max(
                worth(
                    {
                        "train.clip_norm": spec.train.clip_norm,
                        "network.dense_1.units": getattr(spec.network[1], "units", 0),
                        "train.optimizer": {"name": spec.train.optimizer.name},
                    }
                )
                for spec in specs
            )
        )
    assert statistics.mean(by_search) > statistics.mean(by_chance) + 0.05


def test_whoever_asks_is_told_the_same_and_every_choice_is_an_arm() -> None:
    spec = study(trials=8)
    tried = searched(spec)
    assert searched(spec) == tried
    for each in tried:
        arm = arm_of(spec, each.choice)
        assert 1e-4 <= (arm.spec.train.clip_norm or 0) <= 1.0
    assert [each.choice for each in searched(study(seed=1, trials=8))] != [each.choice for each in tried]


def test_what_is_under_way_or_has_failed_is_known_and_not_tried_again() -> None:
    spec = study()
    begun: list[Tried] = []
    for number in range(6):
        begun.append(Tried(next_choice(spec, begun, higher_is_better=True), None, ended=number % 2 == 0))
    assert len({str(each.choice) for each in begun}) == 6


def test_lower_is_better_for_losses() -> None:
    spec = study(trials=25)
    tried: list[Tried] = []
    for _ in range(25):
        choice = next_choice(spec, tried, higher_is_better=False)
        tried.append(Tried(choice, -worth(choice), ended=True))
    late = [each.choice["train.optimizer"]["name"] for each in tried[-10:]]
    assert late.count("adam") > 5

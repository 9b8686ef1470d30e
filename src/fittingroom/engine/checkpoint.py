"""Where a training stands, as one safetensors file: weights, optimizer state, position. No pickle.

Tensors are named ``network/LAYER.PART`` and ``optimizer/INDEX/KEY`` (the index counts the weights that are trained,
in order); ``budget/trace`` holds the trace of a time budget, ``budget/follow`` the one that it follows. Everything
else is JSON in the metadata. A training that is restored goes on to the very same weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fittingroom.data.lineage import TrainedOn
from fittingroom.engine import tensorfile
from fittingroom.engine.loop import EpochSums, Training
from fittingroom.engine.optimizers import state_keys
from fittingroom.engine.pace import Budget
from fittingroom.errors import InvalidInput, WorkspaceError
from fittingroom.measure.patience import Best
from fittingroom.queue.weights import CHECKPOINT, NETWORK

FORMAT = CHECKPOINT
TRACE = "budget/trace"
FOLLOW = "budget/follow"


def checkpoint_bytes(
    run: Training, *, stage: int = 0, class_names: Sequence[str] = (), trained_on: Sequence[TrainedOn] = ()
) -> bytes:
    """The whole state of ``run`` as it stands between two steps, in this stage of its run.

    ``class_names`` and ``trained_on`` are for those who take the weights over.
    """
    tensors = {f"{NETWORK}{name}": weight for name, weight in run.network.weights().items()}
    for index, state in run.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    stopping, budget = run.early_stopping, run.budget
    if budget:
        tensors[TRACE] = torch.tensor(budget.trace, dtype=torch.float64)
    if budget and budget.follow is not None:
        tensors[FOLLOW] = torch.tensor(budget.follow, dtype=torch.float64)
    position = {
        "stage": stage,
        "epoch": run.epoch,
        "first_epoch": run.first_epoch,
        "step": run.step,
        "taken": run.taken,
        "seen": run.seen,
        "sums": {**asdict(run.sums), "loss": float(run.sums.loss), "correct": float(run.sums.correct)},
        "best": asdict(run.best),
        "early_stopping": {"waited": stopping.waited, "best": asdict(stopping.best)} if stopping else None,
        "budget": spent(budget) if budget else None,
        "class_names": list(class_names),
        "trained_on": [each.to_json() for each in trained_on],
    }
    return tensorfile.to_bytes(tensors, FORMAT, position)


def spent(budget: Budget) -> dict[str, Any]:
    """What a later process has to know of a budget."""
    return {
        "spent": budget.elapsed, "closing": budget.closing, "closed": budget.closed, "ended": budget.ended,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint that was read."""

    tensors: Mapping[str, Tensor]
    position: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a file; raises WorkspaceError."""
        try:
            tensors, position = tensorfile.read(path, FORMAT)
        except tensorfile.Unreadable as error:
            raise WorkspaceError(f"cannot read the checkpoint {path}: {error}; start the run again") from None
        if position is None:
            raise WorkspaceError(f"{path} is not a checkpoint of this version of Fitting Room; start the run again")
        return cls(tensors, position)

    @property
    def stage(self) -> int:
        """Which training of its run it belongs to, from 0."""
        return int(self.position.get("stage", 0))

    @property
    def trained_on(self) -> tuple[TrainedOn, ...]:
        return tuple(TrainedOn(**each) for each in self.position.get("trained_on", []))

    @property
    def trace(self) -> list[float] | None:
        """The schedule's progress at every step; None without a time budget."""
        return self.tensors[TRACE].tolist() if TRACE in self.tensors else None

    def restore(self, run: Training) -> None:
        """Put ``run``, freshly made from the same spec, where the checkpoint was written."""
        self._restore_position(run)
        position = self.position
        run.first_epoch = position.get("first_epoch", 0)
        run.best = Best(**position["best"])
        if run.early_stopping and position["early_stopping"]:
            run.early_stopping.waited = position["early_stopping"]["waited"]
            run.early_stopping.best = Best(**position["early_stopping"]["best"])
        if run.budget and position["budget"]:
            run.budget.trace = self.trace or []
            run.budget.spent = position["budget"]["spent"]
            run.budget.closing, run.budget.closed = position["budget"]["closing"], position["budget"]["closed"]
            run.budget.ended = position["budget"].get("ended", False)
            run.budget.follow = self.tensors[FOLLOW].tolist() if FOLLOW in self.tensors else None

    def go_on(self, run: Training) -> None:
        """Let ``run``, another training of the same network, begin where the checkpoint was written.

        Raises InvalidInput when the optimizer's state does not fit.
        """
        self._restore_position(run)
        run.first_epoch = run.epoch + (run.step > 0)  # an epoch that was begun is not one of the new ones

    def _restore_position(self, run: Training) -> None:
        run.network.load_weights(under(NETWORK, self.tensors))
        _restore_optimizer(run, under("optimizer/", self.tensors))
        position = self.position
        run.epoch, run.step, run.sums = position["epoch"], position["step"], EpochSums(**position["sums"])
        run.taken = position.get("taken", run.epoch * len(run.batches) + run.step)
        run.seen = position.get("seen", run.epoch * len(run.training) + run.sums.images)


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore_optimizer(run: Training, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimizer its state back; raises InvalidInput for state that is not this optimizer's.

    torch would not notice: its fused optimizers write outside of what is theirs when a shape is another.
    """
    weights = run.network.trainable()
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        if int(index) >= len(weights):
            raise InvalidInput("the checkpoint's optimizer has trained other layers; leave start.go_on out")
        weight = weights[int(index)]
        if tensor.shape != weight.shape and not (key == "step" and tensor.numel() == 1):
            raise InvalidInput(f"the checkpoint's optimizer state {name} does not fit its weight; start the run again")
        state.setdefault(int(index), {})[key] = _laid_out_as(weight, tensor)
    expected = state_keys(run.spec.optimizer, weights) if state else []
    if state and [state[index].keys() if index in state else None for index in range(len(weights))] != expected:
        raise InvalidInput("the checkpoint's optimizer state is not that of this optimizer; start the run again")
    groups = run.optimizer.state_dict()["param_groups"]
    run.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _laid_out_as(weight: Tensor, tensor: Tensor) -> Tensor:
    """The same values in the weight's memory layout: fused optimizers pair the two by their place in memory."""
    return torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor

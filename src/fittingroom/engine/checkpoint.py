"""Where a training stands, as one safetensors file: weights, optimizer state, position. No pickle.

Tensors are named ``network/LAYER.PART`` and ``optimizer/INDEX/KEY`` (the index counts the network's weights in
order); everything else is JSON in the metadata. A training that is restored goes on to the very same weights.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from fittingroom.engine import tensorfile
from fittingroom.engine.callbacks import Best
from fittingroom.engine.loop import EpochSums, Training
from fittingroom.errors import WorkspaceError

FORMAT = "fittingroom-checkpoint-1"


def checkpoint_bytes(run: Training) -> bytes:
    """The whole state of ``run`` as it stands between two steps."""
    tensors = {f"network/{name}": weight for name, weight in run.network.weights().items()}
    for index, state in run.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    stopping = run.early_stopping
    position = {
        "epoch": run.epoch,
        "step": run.step,
        "sums": {**asdict(run.sums), "loss": float(run.sums.loss), "correct": float(run.sums.correct)},
        "best": asdict(run.best),
        "early_stopping": {"waited": stopping.waited, "best": asdict(stopping.best)} if stopping else None,
    }
    return tensorfile.to_bytes(tensors, FORMAT, position)


def restore(run: Training, path: Path) -> None:
    """Put ``run``, freshly made from the same spec, where the checkpoint at ``path`` was written."""
    try:
        tensors, position = tensorfile.read(path, FORMAT)
    except tensorfile.Unreadable as error:
        raise WorkspaceError(f"cannot read the checkpoint {path}: {error}; start the run again") from None
    if position is None:
        raise WorkspaceError(f"{path} is not a checkpoint of this version of Fitting Room; start the run again")
    run.network.load_weights(_under("network/", tensors))
    _restore_optimizer(run, _under("optimizer/", tensors))
    run.epoch, run.step, run.sums = position["epoch"], position["step"], EpochSums(**position["sums"])
    run.best = Best(**position["best"])
    if run.early_stopping and position["early_stopping"]:
        run.early_stopping.waited = position["early_stopping"]["waited"]
        run.early_stopping.best = Best(**position["early_stopping"]["best"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore_optimizer(run: Training, tensors: dict[str, Tensor]) -> None:
    weights = list(run.network.parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = _laid_out_as(weights[int(index)], tensor)
    groups = run.optimizer.state_dict()["param_groups"]
    run.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _laid_out_as(weight: Tensor, tensor: Tensor) -> Tensor:
    """The same values in the weight's memory layout: fused optimizers pair the two by their place in memory."""
    return torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor

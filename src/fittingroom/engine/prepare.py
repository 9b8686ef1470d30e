"""A run that could start now: data read and split, network built, weights in place, everything checked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from fittingroom.data.dataset import Dataset
from fittingroom.data.lineage import TrainedOn
from fittingroom.data.splits import Splits
from fittingroom.data.stages import Stage, open_stages
from fittingroom.engine.classifier import Preprocessing, background_of
from fittingroom.engine.images import Normalization, Part
from fittingroom.engine.loop import Training
from fittingroom.engine.network import StackedNetwork
from fittingroom.engine.optimizers import build_optimizer
from fittingroom.engine.pace import Budget
from fittingroom.engine.plan import Plan, Wanted, choose_device, planning
from fittingroom.engine.start import Source, open_source
from fittingroom.engine.steps import finish
from fittingroom.engine.transfer import Weights, load
from fittingroom.engine.trial import Batch, Share
from fittingroom.errors import InvalidInput, InvalidSpec
from fittingroom.queue.beginning import Beginning, check_beginning, check_seen, trained_on
from fittingroom.spec.compute import OPERATIONS, multiply_adds
from fittingroom.spec.faults import notes
from fittingroom.spec.run import RunSpec
from fittingroom.spec.transfer import Transfer, fresh, plan_transfer
from fittingroom.store import RunDetails
from fittingroom.workspace import Workspace

OPERATIONS_A_SECOND = 3e11
"""Floating-point operations that two cores manage, about: what a time budget comes to."""


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """A run that could start now, or its next stage: nothing of it is stored yet."""

    spec: RunSpec
    workspace: Workspace
    stages: tuple[Stage, ...]
    number: int
    """Which of the stages this is, from 0."""
    plan: Plan
    training: Training
    preprocessing: Preprocessing
    transfer: Transfer
    """What every layer begins with."""
    trained_on: tuple[TrainedOn, ...]
    """All data that has a part in the weights of this stage, its own last."""
    resumes: RunDetails | None = None
    """The stored run that goes on; None for a new one."""
    departures: tuple[str, ...] = ()
    """Why a resumed run is not bit-identical to an undisturbed one; empty when it is."""
    lineage: Mapping[str, object] = field(default_factory=lambda: {"kind": "new"})
    """Where a new run comes from: ``{"kind": "restart", "from": "starter-1"}``."""
    cautions: tuple[str, ...] = ()

    @property
    def stage(self) -> Stage:
        return self.stages[self.number]

    @property
    def is_last(self) -> bool:
        """Whether this is the run proper, whose results are the run's."""
        return self.number == len(self.stages) - 1

    @property
    def parameters(self) -> int:
        """Of the network that the run ends with."""
        return self.stages[-1].summary.parameters

    @property
    def notes(self) -> list[str]:
        """What people should know before this stage starts, as sentences."""
        about = notes(self.stage.spec, self.stage.facts, follows=self.number > 0)
        found = [*self.cautions, *about, *self.transfer.notes, *self.stage.notes]
        if self.departures:
            found.append(f"Not bit-identical to an undisturbed run, because of: {'; '.join(self.departures)}.")
        return found


def prepare_run(
    spec: RunSpec,
    workspace: Workspace,
    wanted: Wanted = Wanted(),  # noqa: B008 - frozen
    as_of: str = "",
) -> PreparedRun:
    """Read the data, check the spec against it, build the network with its weights and choose the plan.

    ``as_of``: the fingerprint of the data of a run that is repeated; one that goes on with another has that one's.
    Raises InvalidSpec with every fault, InvalidData or NotFound; nothing has been written to the workspace then.
    """
    source = open_source(spec.start, workspace) if spec.start else None
    spec = replace(spec, start=source.start) if source else spec
    if source and source.checkpoint and source.run:
        as_of = source.run.fingerprint
    spec, stages = open_stages(spec, workspace, as_of=as_of)
    beginning = _check(spec, stages, source, workspace)
    seen = (source and source.weights.trained_on) or ()
    weights = source.weights if source and not source.checkpoint else None
    prepared = _built(spec, workspace, stages, 0, weights, wanted, seen)
    if source and source.checkpoint:
        source.checkpoint.go_on(prepared.training)
        prepared = replace(prepared, transfer=beginning.transfers[0])
    return replace(prepared, cautions=beginning.cautions, lineage=source.lineage if source else {"kind": "new"})


def prepare_stage(
    spec: RunSpec, workspace: Workspace, number: int, wanted: Wanted, seen: Sequence[TrainedOn], as_of: str = ""
) -> PreparedRun:
    """A stage of a run whose weights come from a checkpoint of that stage, which knows what they were trained on.

    ``as_of``: the fingerprint of the run's data. Raises InvalidInput when the data of a phase is no longer what it
    was, InvalidSpec when it is what is judged on.
    """
    spec, stages = open_stages(spec, workspace, as_of=as_of)
    for stage in stages[: number + 1] if seen else ():
        if trained_on(stage) not in seen:
            raise InvalidInput(
                f'the data set "{stage.spec.data.source}" has changed since phase "{stage.phase}" was trained on it; '
                "restore it, or restart the run"
            )
    before = [each for each in seen if each != trained_on(stages[number])]
    problems, cautions = check_seen(stages[number:], before, "an earlier training", workspace, strict=False)
    if problems:
        raise InvalidSpec(dict.fromkeys(problems), title=f'"{spec.name}" cannot go on')
    prepared = _built(spec, workspace, stages, number, None, wanted, seen[:-1])
    return replace(prepared, cautions=tuple(cautions))


def next_stage(run: PreparedRun, weights: Weights) -> PreparedRun:
    """The stage that follows, with the weights that this one has left."""
    wanted = Wanted.keeping(run.plan.to_json())
    following = _built(run.spec, run.workspace, run.stages, run.number + 1, weights, wanted, run.trained_on)
    training = following.training
    training.epoch = training.first_epoch = run.training.epoch
    training.taken, training.seen = run.training.taken, run.training.seen
    return replace(following, resumes=run.resumes, lineage=run.lineage)


def network_of(stage: Stage) -> StackedNetwork:
    """The network with its initial weights, frozen as the spec says."""
    network = StackedNetwork(stage.spec.network, stage.facts.shape, stage.facts.classes)
    network.draw_initial_weights(stage.spec.seed)
    if stage.spec.train.freeze_up_to:
        network.freeze_up_to(stage.spec.train.freeze_up_to)
    return network


def _check(spec: RunSpec, stages: Sequence[Stage], source: Source | None, workspace: Workspace) -> Beginning:
    """What every stage begins with; raises InvalidSpec where it cannot, with every reason."""
    described, run = (source.known, source.run) if source else (None, None)
    continues = run if source and source.checkpoint else None
    beginning = check_beginning(stages, described, workspace, continues, strict=run is not None)
    if beginning.faults:
        raise InvalidSpec(beginning.faults, title=f'"{spec.name}" cannot start from these weights')
    return beginning


def _built(
    spec: RunSpec, workspace: Workspace, stages: tuple[Stage, ...], number: int, weights: Weights | None,
    wanted: Wanted, already_seen: Sequence[TrainedOn],
) -> PreparedRun:  # fmt: skip
    """A stage with its network, moved to where it is trained, with these weights or fresh ones."""
    stage = stages[number]
    own, data, splits, facts = stage.spec, stage.data, stage.splits, stage.facts
    network, begins = network_of(stage), fresh(stage.summary.layers)
    if weights is not None:
        begins = plan_transfer(stage.summary.layers, data.class_names, weights.known.outline, own.train.reset)
        load(network, begins, weights)
    device = choose_device(own.train.device)
    training_part, normalize = Part(data, splits.train, device), Normalization.of(data, splits.train, own.data)

    batch = _first_batch(training_part, normalize, own.train.batch_size)
    operations = training_operations(stage)
    plan = finish(planning(network, own.train, batch, wanted, operations, augmented=bool(own.augment)))
    budget = own.train.budget_seconds
    training = Training(
        network=network,
        optimizer=build_optimizer(own.train.optimizer, network.trainable()),
        spec=own.train,
        seed=own.seed,
        training=training_part,
        validation=Part(data, splits.validation, device),
        normalize=normalize,
        precision=plan.precision,
        augmentation=own.augment,
        augmented_by=plan.augmentation,
        class_weights_K=class_weights(own, data, splits, device),
        phase=stage.phase,
        budget=None if budget is None else Budget(budget),
    )
    background = background_of(data, splits.train)
    preprocessing = Preprocessing(facts.shape, data.class_names, normalize.mean, normalize.spread, background)
    here = trained_on(stage)
    seen = (*(each for each in already_seen if each != here), here)
    return PreparedRun(spec, workspace, stages, number, plan, training, preprocessing, begins, seen)


def _first_batch(part: Part, normalize: Normalization, size: int) -> Callable[[], Batch]:
    """Gives images to try a network on, when they are needed."""

    def batch() -> Batch:
        images_NCHW, labels_N = part.batch(np.arange(min(size, len(part))))
        return normalize(images_NCHW), labels_N

    return batch


def replan(run: PreparedRun, wanted: Wanted) -> Generator[Share, None, PreparedRun]:
    """The run with the plan of a trial, if it was prepared without one and one pays. Long work in steps."""
    training, spec = run.training, run.stage.spec.train
    batch = _first_batch(training.training, training.normalize, spec.batch_size)
    operations, augmented = training_operations(run.stage), bool(training.augmentation)
    plan = yield from planning(training.network, spec, batch, wanted, operations, augmented=augmented)
    training.precision, training.augmented_by = plan.precision, plan.augmentation
    return replace(run, plan=plan)


def training_operations(stage: Stage) -> float:
    """Floating-point operations of a whole training, about: a step backward takes twice those of a step forward."""
    if stage.spec.train.budget_seconds is not None:
        return stage.spec.train.budget_seconds * OPERATIONS_A_SECOND
    forward = sum(OPERATIONS * multiply_adds(row.layer, row.input_shape) for row in stage.summary.layers)
    return 3.0 * forward * len(stage.splits.train) * stage.spec.train.epochs


def class_weights(spec: RunSpec, data: Dataset, splits: Splits, device: str) -> torch.Tensor | None:
    """Weight of each class in the loss, scaled so that the mean over the training images is 1.

    ``balanced`` is n / (classes × count), as scikit-learn's ``compute_class_weight``.
    """
    wanted = spec.train.class_weights
    if wanted is None:
        return None
    counts = data.counts(splits.train)
    weights = 1 / np.maximum(counts, 1) if wanted == "balanced" else np.asarray(wanted, np.float64)
    weights = weights * counts.sum() / (weights * counts).sum()
    return torch.from_numpy(weights.astype(np.float32)).to(device)

"""Load data, fit a network: what the command line does, as function calls."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike, NDArray
from rich.console import Console

from fittingroom.data import sources
from fittingroom.data.dataset import Dataset
from fittingroom.engine.prepare import PreparedRun
from fittingroom.engine.run import execute, prepared_with_cores
from fittingroom.errors import InvalidInput
from fittingroom.library.interrupt import stopping_on_signals
from fittingroom.library.live import LiveProgress
from fittingroom.library.run import Run
from fittingroom.spec.augment import AnyAugment
from fittingroom.spec.data import DataSpec
from fittingroom.spec.division import HeldOut
from fittingroom.spec.layers import AnyLayer
from fittingroom.spec.network import Network
from fittingroom.spec.run import RunSpec, changed, load_run_spec
from fittingroom.spec.start import Phase, Start
from fittingroom.spec.train import TrainSpec
from fittingroom.workspace import Workspace


def load(
    source: str | os.PathLike[str] | NDArray[Any],
    labels: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    test: tuple[ArrayLike, ArrayLike] | None = None,
    name: str = "arrays",
    workspace: str | os.PathLike[str] | None = None,
) -> Dataset:
    """A data set: a built-in name, an imported name, a folder with one folder per class, or arrays.

    ``load("fashion-mnist")``, ``load("photos/")``, or ``load(images, labels)`` with images of shape (N, height,
    width) or (N, height, width, channels) and labels of shape (N,); ``test`` gives an official test part likewise.
    """
    if not isinstance(source, str | os.PathLike):
        if labels is None:
            raise InvalidInput("images without labels are no data set; call load(images, labels)")
        return sources.from_arrays(source, labels, class_names=class_names, name=name, test=test)
    return sources.load(source, Workspace.find(workspace))


def fit(
    network: Network | Sequence[AnyLayer],
    data: Dataset | str | os.PathLike[str],
    *,
    augment: Sequence[AnyAugment] = (),
    seed: int = 0,
    name: str = "run",
    validation: HeldOut = 0.1,
    split_seed: int = 0,
    folds: int | None = None,
    fold: int | None = None,
    normalize: str = "standard",
    start: Start | Run | str | None = None,
    phases: Sequence[Phase] = (),
    workspace: str | os.PathLike[str] | None = None,
    show: bool = True,
    **settings: Any,
) -> Run:
    """Train a network on a data set, live, and store the run. Further settings are those of ``TrainSpec``.

    ``start``: a run or a file of weights to begin with, instead of fresh ones. ``phases``: what is trained before.
    ``validation``: a number of images, a share, or "given" for those that the data names; with ``folds``, number
    ``fold`` validates instead.

    ``fit(net, data, epochs=5, optimizer=Sgd(0.05, momentum=0.9), early_stop=EarlyStop(patience=3))``. Returns the
    stored run. Ctrl-C, or SIGTERM, ends this run early with the best weights kept, and the program goes on:
    ``run.state`` says ``stopped``. Raises InvalidSpec with every fault.
    """
    layers = network.layers if isinstance(network, Network) else tuple(network)
    source = data.source if isinstance(data, Dataset) else os.fspath(data)
    spec = RunSpec(
        data=DataSpec(source, validation, split_seed, normalize, folds, fold),  # type: ignore[arg-type]
        network=layers,
        augment=tuple(augment),
        train=TrainSpec(**settings),
        name=name,
        seed=seed,
        start=start if isinstance(start, Start | None) else Start(start.id if isinstance(start, Run) else start),
        phases=tuple(phases),
    )
    return train(spec, workspace=workspace, show=show)


def train(
    source: str | os.PathLike[str] | RunSpec,
    *overrides: str,
    workspace: str | os.PathLike[str] | None = None,
    show: bool = True,
) -> Run:
    """Train what a spec file, a preset or a RunSpec describes: ``train("starter", "train.epochs=1", "seed=3")``.

    Settings are changed by their paths, as with ``--set``. Returns the stored run, like ``fit``.
    """
    if isinstance(source, RunSpec):
        spec = changed(source, overrides)
    else:
        spec = load_run_spec(os.fspath(source), overrides=overrides)
    console = Console(quiet=not show)
    with prepared_with_cores(spec, Workspace.find(workspace), None, LiveProgress(console).waiting) as prepared:
        return train_prepared(prepared, console)


def train_prepared(prepared: PreparedRun, console: Console) -> Run:
    """Train with live progress on ``console``; Ctrl-C and SIGTERM end it cleanly."""
    with stopping_on_signals() as stop, LiveProgress(console) as live:
        name = execute(prepared, live.hear, stop, waiting=live.waiting)
    return Run(name, prepared.workspace)

"""Workspaces with something in them: real trainings and imported data, made by the page's own worker."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from fittingroom import queue
from fittingroom.data.sources import load
from fittingroom.queue.stored import open_store
from fittingroom.queue.studies import submit_study, summary_of
from fittingroom.spec.run import from_toml, presets
from fittingroom.spec.study import StudySpec, study_presets
from fittingroom.store import Store, WorkerRecord
from fittingroom.web.site import VIEWS
from fittingroom.workspace import Workspace
from tools.pages import Page
from tools.served import Server, Visitor

SHOES = {"sandal": 5, "sneaker": 7, "ankle boot": 9}
PATIENCE = 600.0


def make_shoes(folder: Path, each: int = 30) -> Path:
    """A folder for each of three classes of Fashion-MNIST, with the first pictures of each."""
    data = load("fashion-mnist")
    for name, label in SHOES.items():
        (folder / name).mkdir(parents=True)
        of_the_class = (data.labels == label).nonzero()[0][:each].tolist()
        for position in of_the_class:
            Image.fromarray(data.images[position, :, :, 0]).save(folder / name / f"{position}.png")
    return folder


def submit(workspace: Path, preset: str, **settings: object) -> str:
    """Put a preset into the queue; ``submit(space, "mlp", name="wide", **{"train.epochs": 3})``. Returns its id."""
    changed = {"name": preset} | settings
    spec = from_toml(presets()[preset], overrides=[f"{path}={value}" for path, value in changed.items()])
    return queue.submit(spec, Workspace.find(workspace))


def wait_for(workspace: Path, run: str, *states: str, epochs: int = 0, seconds: float = PATIENCE) -> str:
    """Until a run is in one of these states and has so many epochs; returns its state. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    with open_store(Workspace.find(workspace)) as store:
        while time.monotonic() < deadline:
            found = store.run(run)
            if found.state in states and found.epochs_done >= epochs:
                return found.state
            if found.state == "failed":
                raise RuntimeError(f"{run} failed: {found.message}")
            time.sleep(0.1)
    raise TimeoutError(f"{run} is {found.state} after {seconds:.0f} s, with {found.epochs_done} epochs")


def wait_for_progress(workspace: Path, run: str) -> None:
    """Until it has trained on its first batches."""
    until("no progress", workspace, lambda store: store.progress(run))


def wait_for_worker(workspace: Path) -> None:
    """Until a worker has nothing to do and waits for a run."""
    until("no idle worker", workspace, lambda store: [each for each in store.queue.workers() if idle(each)])


def idle(worker: WorkerRecord) -> bool:
    return worker.run is None and bool(worker.owner.alive())


def until(problem: str, workspace: Path, there: Callable[[Store], object], seconds: float = PATIENCE) -> None:
    """Ask the store again and again; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    with open_store(Workspace.find(workspace)) as store:
        while not there(store):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{problem} after {seconds:.0f} s")
            time.sleep(0.1)


def train(server: Server, preset: str, **settings: object) -> str:
    """A finished run of a preset; the server's worker trains it. Returns its id."""
    run = submit(server.workspace, preset, **settings)
    wait_for(server.workspace, run, "finished")
    return run


def study(server: Server, preset: str, settings: Mapping[str, object], **spec: Any) -> str:
    """A finished study of a preset with settings changed: ``study(server, "linear", {}, vary={…}, seeds=2)``."""
    overrides = [f"{path}={value}" for path, value in settings.items()]
    base = from_toml(presets()[preset], overrides=[f"name={preset}", *overrides])
    made = submit_study(StudySpec(base=base, **spec), Workspace.find(server.workspace))
    until(f"{made} goes on", server.workspace, lambda store: summary_of(store, made).state == "finished")
    return made


def import_all(visitor: Visitor, folder: Path) -> None:
    """Import a folder of pictures through the page."""
    step = visitor.post("/data/import", path=str(folder), name="", size="").address
    visitor.post(step)
    deadline = time.monotonic() + PATIENCE
    while visitor.get(step).address == step:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{folder} is not imported after {PATIENCE:.0f} s")
        time.sleep(0.1)


def import_step(visitor: Visitor, folder: Path) -> Page:
    """The second step of an import, where nothing has been written yet; no link leads there."""
    return Page("data-import-id", visitor.post("/data/import", path=str(folder), name="", size="").address)


def import_states(visitor: Visitor, folder: Path) -> Iterator[Page]:
    """That step as it is with policies to choose from, and with choices that will not do; and step 1 again."""
    address = import_step(visitor, folder).address
    path = address.partition("?")[0]
    yield Page("data-import-id-choices", f"{path}?size=20x28&fit=crop&channels=3")
    yield Page("data-import-id-faults", f"{path}?size=many&name=two+words")
    yield Page("data-import-change", f"/data/import?change={path.rpartition('/')[2]}&size=20x28")


def make_copies(folder: Path, source: Path) -> Path:
    """A folder of pictures in which some are there twice."""
    shutil.copytree(source, folder)
    for each in sorted(folder.iterdir()):
        for picture in sorted(each.glob("*.png"))[:4]:
            shutil.copy(picture, each / f"copy-of-{picture.name}")
    return folder


def checked(visitor: Visitor, folder: Path) -> Iterator[Page]:
    """The card of a data set with copies: checked, what excluding them means, and afterwards; a recipe with a fault."""
    import_all(visitor, folder)
    card, name = f"/data/set?name={folder.name}", folder.name
    visitor.post("/data/check", name=name)
    deadline = time.monotonic() + PATIENCE
    while b"found-exact_copies" not in visitor.get(card).body or b"check-going" in visitor.get(card).body:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{folder} is not checked after {PATIENCE:.0f} s")
        time.sleep(0.1)
    yield Page("data-set-checked", card)
    yield Page("data-finding-copies", f"/data/finding?name={name}&kind=exact_copies")
    yield Page("data-exclude-copies", f"/data/exclude?name={name}&by=exact_copies&all=1")
    visitor.post("/data/exclude", name=name, by="exact_copies", all="1", reason="copies")
    yield Page("data-set-cleaned", card)
    yield Page("data-digits-with-a-fault", "/data/digits?size=3")


FAULTY = {
    "train": {"train.epochs": "0"},
    "network": {
        "network": '[{ layer = "flatten" }, { layer = "conv", filters = 8, kernel = 3 }, { layer = "classify" }]'
    },
    "augment": {"augment": '[{ kind = "rotation", degrees = 900 }]'},
}


def faulty(visitor: Visitor) -> Iterator[Page]:
    """The views as they are while the visitor's draft has faults; afterwards it is as it was."""
    for view in [name for name, _ in VIEWS if name in FAULTY]:
        visitor.post("/train/set", **FAULTY[view])
        yield Page(f"{view}-with-a-fault", f"/{view}")
        visitor.post("/train/undo")


RATES = "axis-0=train.optimizer.learning_rate&was-0=train.optimizer.learning_rate&kind-0=range"
STUDIES = {
    "search": f"{RATES}&low-0=0.001&high-0=1&log-0=1&axis-1=train.batch_size&was-1=train.batch_size&value-1=64"
    "&value-1=128&search=tpe&prune=1&budget=30m",
    "faults": f"{RATES}&low-0=x&high-0=1&search=random&trials=1&budget=soon",
}
FILES = {
    "a-file": study_presets()["a-activations-mlp"],
    "a-file-with-faults": 'base = "mlpp"\nseedz = 3\n[vary]\n"train.batch_size" = [64]\n',
}


def studies_in_the_making(visitor: Visitor) -> Iterator[Page]:
    """Forms of a new study with something in them, and study files."""
    yield from (Page(f"studies-new-{name}", f"/studies/new?{query}") for name, query in STUDIES.items())
    yield from (
        Page(f"studies-open-{name}", visitor.post("/studies/open", text=text).address) for name, text in FILES.items()
    )


def empty() -> list[Page]:
    """The views of the rail, for a workspace in which nothing has happened yet."""
    return [Page(f"{name}-empty", f"/{name}") for name, _ in VIEWS]

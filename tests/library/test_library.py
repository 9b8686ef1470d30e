"""The library as a notebook uses it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import fittingroom as fr
from fittingroom.data.dataset import Dataset
from fittingroom.library.live import LiveProgress
from fittingroom.spec.events import Ended, EpochEnded, EpochMetrics, Progressed, Started

NET = fr.Network([fr.Conv(6, 3, activation="relu"), fr.MaxPool(2), fr.Flatten(), fr.Classify()])


def test_fit_look_test_predict(stripes: Callable[..., Dataset], tmp_path: Path) -> None:
    data = stripes()
    run = fr.fit(
        NET, data, epochs=6, batch_size=32, optimizer=fr.Adam(0.005), augment=[fr.Noise(0.02)], validation=60,
        name="notebook", show=False,
    )  # fmt: skip
    assert (run.id, run.state, len(run.epochs)) == ("notebook-1", "finished", 6)
    evaluation = run.confusion()
    assert (evaluation.n, evaluation.split) == (60, "validation")
    assert evaluation.accuracy > 0.9
    assert evaluation.accuracy == pytest.approx(run.details.validation_accuracy)
    assert repr(run) == f"<Run notebook-1: finished, {evaluation.headline}, epoch {run.details.best_epoch} of 6>"
    assert run.spec.network == NET.layers
    assert run.spec.augment == (fr.Noise(0.02),)
    run.plot(tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")
    run.plot_confusion(tmp_path / "confusion.png")
    with Image.open(tmp_path / "confusion.png") as picture_of_confusion:
        assert picture_of_confusion.width > 300
    reached = [epoch.epoch for epoch in run.epochs if epoch.validation_accuracy >= 0.5]
    assert run.epochs_to(0.5) == reached[0]
    assert run.seconds_to(0.5) == pytest.approx(sum(epoch.seconds for epoch in run.epochs[: reached[0]]))
    assert run.epochs_to(1.0) in {None, *reached}
    assert any("lowest validation loss" in sentence.lower() for sentence in run.reading())

    for mistake in run.worst_mistakes(3):
        assert data.labels[mistake.image] == mistake.true != mistake.predicted
        assert run.classifier.probabilities(data.images[mistake.image][None])[0].argmax() == mistake.predicted

    picture = tmp_path / "stripe.png"
    Image.fromarray(data.images[1, :, :, 0]).save(picture)
    prediction = run.predict(picture)[0]
    assert prediction.fitted == ()
    assert dict(prediction.probabilities) == pytest.approx(
        dict(zip(data.class_names, run.classifier.probabilities(data.images[1:2])[0].tolist(), strict=True))
    )

    score = run.test()
    assert (score.openings, score.evaluation.n, score.evaluation.split) == (1, 60, "test")
    assert repr(score) == f"<TestScore notebook-1: {score.evaluation.headline}, opening 1 of this test set>"
    assert fr.Run("last").test().openings == 2


def test_same_settings_as_a_spec_file_give_the_same_weights(stripes: Callable[..., Dataset], tmp_path: Path) -> None:
    first = fr.fit(NET, stripes(), epochs=2, name="code", show=False)
    file = tmp_path / "run.toml"
    file.write_text(first.spec.to_toml())
    second = fr.train(file, "name=file", show=False)
    third = fr.train(first.spec, "train.epochs=1", show=False)
    assert (third.id, len(third.epochs)) == ("code-2", 1)
    assert third.epochs[0].train_loss == first.epochs[0].train_loss
    assert second.id == "file-1"
    assert first.spec.content_id == second.spec.content_id
    assert first.details.artifacts["last"].sha256 == second.details.artifacts["last"].sha256


def test_displays_of_notebooks_are_html_and_escape_names(stripes: Callable[..., Dataset]) -> None:
    data = stripes()
    run = fr.fit(NET, data, epochs=1, name="<b>bold</b>", show=False)
    faulty = fr.Network([fr.Conv(4, 20), fr.Classify()]).summary((1, 8, 8), 3)
    assert "slides a window of 20×20" in faulty._repr_html_()
    for shown in (data, NET, NET.summary((1, 8, 8), 3), run, run.confusion()):
        html = shown._repr_html_()
        assert html.startswith("<")
        assert "<b>bold" not in html
    assert "bold" in run._repr_html_()


def test_arrays_without_labels_are_refused() -> None:
    with pytest.raises(fr.InvalidInput, match=r"call load\(images, labels\)"):
        fr.load(np.zeros((3, 8, 8), np.uint8))


def test_mistakes_in_settings_are_all_told(stripes: Callable[..., Dataset]) -> None:
    with pytest.raises(fr.InvalidSpec) as caught:
        fr.fit(NET, stripes(), epoch=3, batch_size=0)
    assert {fault.path for fault in caught.value.faults} == {"epoch", "batch_size"}
    assert 'did you mean "epochs"?' in str(caught.value)


def test_a_run_that_kept_no_weights_says_so(stripes: Callable[..., Dataset]) -> None:
    deep = fr.Network([fr.Flatten(), fr.Dense(20), fr.Dense(20), fr.Classify()])
    with pytest.raises(fr.TrainingDiverged):
        fr.fit(deep, stripes(), optimizer=fr.Sgd(100.0, momentum=0.9), batch_size=16, name="wild", show=False)
    run = fr.Run("last")
    assert repr(run) == "<Run wild-1: failed, no epoch validated>"
    with pytest.raises(fr.InvalidInput, match="go on with: fittingroom runs resume"):
        run.confusion()


def events() -> list[Started | Progressed | EpochEnded | Ended]:
    return [
        Started(epochs=2, steps_per_epoch=10, training_images=1000, validation_images=5000, parameters=7),
        Progressed(1, 5, 10, 500, 0.5, 0.8, 0.01, 12_345.6),
        EpochEnded(EpochMetrics(1, 0.5, 0.8, 0.4, 0.916, 0.01, 1.25), True, ""),
        EpochEnded(EpochMetrics(2, 0.4, 0.9, 0.45, 0.9, 0.01, 1.25), False, ""),
        Ended("completed", 2, "All 2 epochs done."),
    ]


def test_plain_output_is_one_line_for_each_epoch() -> None:
    console = Console(width=40, force_terminal=False, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file, LiveProgress(console) as live:
        for event in events():
            live.hear("r-1", event)
    assert console.export_text().splitlines() == [
        "Run r-1 has started.",
        "epoch 1/2    1.2 s  12,346 images/s  training loss 0.5000  validation loss 0.4000  "
        "accuracy 91.6 % ± 0.8 (validation, n = 5,000)  best so far",
        "epoch 2/2    1.2 s  12,346 images/s  training loss 0.4000  validation loss 0.4500  accuracy 90.0 % ± 0.8",
        "All 2 epochs done.",
    ]


def test_a_terminal_sees_a_bar_with_throughput_accuracy_and_time_left() -> None:
    import io

    out = io.StringIO()
    with LiveProgress(Console(force_terminal=True, width=80, file=out)) as live:
        for event in events()[:2]:
            live.hear("r-1", event)
        live.bar.refresh()
    assert "epoch 1/2" in out.getvalue()
    assert "left  training 80.0 % · loss 0.500 · 12,346 images/s" in out.getvalue()


def test_importing_the_package_is_light() -> None:
    program = (
        "import sys, fittingroom as fr\n"
        "print(fr.Conv(3), 'torch' in sys.modules, 'sqlalchemy' in sys.modules, 'matplotlib' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "Conv(filters=3) False False False"

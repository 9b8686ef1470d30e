"""How data sets, networks and presets look in a terminal, and what they are as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.markup import escape

from fittingroom.cli.show import print_json, say, table, times
from fittingroom.spec.layers import show_shape

if TYPE_CHECKING:
    from fittingroom.data.dataset import Dataset, DataSetInfo
    from fittingroom.library.describe import DescribedData, DescribedNetwork
    from fittingroom.spec.network import NetworkSummary


def presets(texts: dict[str, str], *, as_json: bool) -> None:
    """Names of presets with the first line of what each is."""
    about = {name: text.splitlines()[0].lstrip("# ") for name, text in texts.items()}
    if as_json:
        print_json([{"preset": name, "about": line} for name, line in about.items()])
        return
    rows = table("preset", "what it is")
    for name, line in about.items():
        rows.add_row(name, line)
    say(rows, "", "Print one with: fittingroom presets NAME")


def network(described: DescribedNetwork, *, as_json: bool) -> None:
    """Layers, shapes, counts, faults."""
    summary = described.summary
    if as_json:
        layers = [
            {
                "layer": row.name,
                "kind": row.layer.layer,
                "output_shape": row.output_shape,
                "parameters": row.parameters,
                "frozen": row.frozen,
            }
            for row in summary.layers
        ]
        print_json(
            {
                "layers": layers,
                "parameters": summary.parameters,
                "trainable_parameters": summary.trainable_parameters,
                "faults": [fault._asdict() for fault in described.faults],
                "notes": described.notes,
            }
        )
        return
    if summary.layers:
        rows = table("layer", "output", "parameters", "", right=("parameters",))
        rows.add_row("input", show_shape(summary.layers[0].input_shape), "", "")
        for row in summary.layers:
            frozen = "frozen" if row.frozen and row.parameters else ""
            rows.add_row(row.name, show_shape(row.output_shape), f"{row.parameters:,}", frozen)
        say(rows, _counted(summary))
    for fault in described.faults:
        say(f"[red]fault:[/red] {escape(str(fault))}")
    for note in described.notes:
        say(f"[yellow]note:[/yellow] {escape(note)}")


def _counted(summary: NetworkSummary) -> str:
    """The count of all parameters, and what part of them is not trained."""
    frozen = sum(row.parameters for row in summary.layers if row.frozen)
    statistics = summary.parameters - summary.trainable_parameters - frozen
    parts = [f"{count:,} of them {what}" for count, what in ((statistics, "statistics"), (frozen, "frozen")) if count]
    return ", ".join([f"{summary.parameters:,} parameters", *parts])


def data_sets(found: Sequence[DataSetInfo], *, as_json: bool) -> None:
    """One line for each data set."""
    if as_json:
        print_json([asdict(info) for info in found])
        return
    rows = table("data set", "kind", "images", "classes", "shape", right=("images", "classes"))
    for info in found:
        rows.add_row(info.name, info.kind, f"{info.images:,}", str(info.classes), show_shape(info.shape))
    say(rows)


def identity(data: Dataset) -> dict[str, Any]:
    """Which data set it is, as JSON."""
    return {
        "name": data.name,
        "source": data.source,
        "fingerprint": data.fingerprint,
        "shape": data.shape,
        "classes": data.class_names,
    }


def data_set(described: DescribedData, *, as_json: bool) -> None:
    """Classes with their counts in each part, and what else there is to know."""
    data, splits, statistics = described.data, described.splits, described.statistics
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    counts = {part: data.counts(indices).tolist() for part, indices in parts.items()}
    if as_json:
        print_json(
            {
                **identity(data),
                "counts": counts,
                "left_out": splits.dropped,
                "mean": statistics.mean,
                "spread": statistics.spread,
                "test_openings": described.openings,
                "content": data.content,
                "groups": None if data.groups is None else len(np.unique(data.groups)),
                "named_for_validation": 0 if data.own_validation is None else len(data.own_validation),
                "excluded": [
                    {"images": each.images, "reason": each.step.reason, "by": each.step.by, "time": each.step.time}
                    for each in described.exclusions
                ],
                "notes": described.notes,
                "origin": data.origin,
            }
        )
        return
    rows = table("class", *parts, right=tuple(parts))
    for index, name in enumerate(data.class_names):
        rows.add_row(escape(name), *(f"{of_part[index]:,}" for of_part in counts.values()))
    rows.add_row("[bold]all[/bold]", *(f"[bold]{len(indices):,}[/bold]" for indices in parts.values()))
    say(f"[bold]{escape(data.name)}[/bold]: {len(data):,} images of {show_shape(data.shape)} (channels×height×width)")
    say(
        escape(data.origin),
        "",
        rows,
        "Validation as a run holds it out by default (validation = 0.1, split_seed = 0).",
        "",
    )
    for note in described.notes:
        say(escape(note))
    if data.own_validation is not None:
        say(
            f"{len(data.own_validation):,} of its images it names for validation itself; they train as well, unless a "
            'run says data.validation = "given".'
        )
    figures = zip(statistics.mean, statistics.spread, strict=True)
    say(
        "Training images: " + "; ".join(f"mean {mean:.4f}, spread {spread:.4f}" for mean, spread in figures)
        + " (0 to 1).",
        f"Test set: sealed; {times(described.openings)} opened in this workspace.",
    )  # fmt: skip
    for each in described.exclusions:
        by = f" ({each.step.by})" if each.step.by else ""
        say(f"Excluded {each.step.time[:10]}: {numbers(each.images)}: {escape(each.step.reason)}{escape(by)}")
    if described.exclusions:
        say(f"Bring them back with: fittingroom data restore {escape(data.source)}")


def numbers(images: Sequence[int]) -> str:
    """``3 images (7, 19, 24)``; of many, the first."""
    shown = ", ".join(map(str, images[:8])) + (", …" if len(images) > 8 else "")
    return f"{len(images):,} image{'s' * (len(images) != 1)} ({shown})"

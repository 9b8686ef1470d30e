"""What a draft can begin from: a preset, or a run."""

from __future__ import annotations

from dataclasses import dataclass

from fittingroom.errors import NotFound
from fittingroom.queue.stored import spec_of
from fittingroom.spec.run import RunSpec, from_toml, presets
from fittingroom.web.drafts import FIRST, Plain
from fittingroom.web.site import Site


@dataclass(frozen=True)
class Preset:
    """A shipped run, in a line."""

    name: str
    says: str
    layers: tuple[str, ...]
    """Their kinds."""


def offered() -> list[Preset]:
    """The shipped runs, what newcomers take first, then by their size."""
    found = []
    for name, text in presets().items():
        says = text.removeprefix("#").partition("\n")[0].strip()  # the first line of each is one about it
        found.append(Preset(name, says, tuple(layer.layer for layer in from_toml(text).network)))
    return sorted(found, key=lambda preset: (preset.name != FIRST, len(preset.layers), preset.name))


def spec_from(preset: str, run: str, site: Site) -> RunSpec:
    """The spec of a preset, or else of a run; raises NotFound. Reads the database."""
    if not preset:
        return spec_of(site.store.run(run))
    texts = presets()
    if preset not in texts:
        raise NotFound(f'there is no preset "{preset}"; choose one of {", ".join(texts)}')
    return from_toml(texts[preset], overrides=[f"name={preset}"])


def on_the_same_data(plain: Plain, before: Plain) -> Plain:
    """A spec on the images of another, split as there; how they are normalized is the network's affair."""
    data, chosen = plain["data"], before.get("data")
    if not isinstance(chosen, dict) or "source" not in chosen:
        return plain
    kept = {key: chosen[key] for key in ("source", "validation", "split_seed", "folds", "fold") if key in chosen}
    return {**plain, "data": {**data, **kept}}

"""Where weights come from, when not from the seed: another run or a file (``[start]``), or phases trained before."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

from fittingroom.errors import InvalidInput
from fittingroom.spec.augment import AnyAugment
from fittingroom.spec.data import DataSpec
from fittingroom.spec.mistakes import ONE_LINE, Refused, show_value
from fittingroom.spec.record import param, record
from fittingroom.spec.train import MOST_EPOCHS, TrainSpec


def _which(value: Any) -> Literal["best", "last"] | int:
    """``best``, ``last``, or the number of an epoch."""
    if value in ("best", "last"):
        return "best" if value == "best" else "last"
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise Refused(f"{show_value(value)} names no weights", 'write "best", "last", or the number of an epoch')


def weights_of(text: str) -> Which:
    """Which weights somebody has typed: ``best``, ``last``, or the number of an epoch. Raises InvalidInput."""
    try:
        return _which(int(text) if text.isdecimal() else text)
    except Refused as refused:
        raise InvalidInput(f'"{text}" names no weights; {refused.fix}') from None


_Epoch = Annotated[int, param(ge=1, le=MOST_EPOCHS, help="An epoch that left a checkpoint.")]
Which = Annotated[
    Literal["best", "last"] | int,
    pydantic.PlainValidator(_which, json_schema_input_type=Literal["best", "last"] | _Epoch),
]


@record
class Start:
    """Begin with weights that were trained before. Each layer takes those of the layer of the same name.

    A layer that is not there begins with fresh initial weights, and so does the classifier where the classes are
    others. Weights of another shape are a fault, unless the layer is named in `train.reset`. Normalization is always
    that of the new training images.
    """

    source: str = param(
        min_length=1,
        max_length=4096,
        pattern=ONE_LINE,
        help="A run, or a .safetensors file with weights named LAYER.PART.",
    )
    weights: Which = param(
        default="best",
        unit="epoch",
        help="Which of a run's weights: of its best epoch, its last step, or an epoch that was kept.",
    )
    go_on: bool = param(
        default=False,
        strict=True,
        help="The optimizer's state, the count of epochs and the random draws go on too, as if the run had never "
        "ended; needs the last weights of a run with the same network, data and optimizer.",
    )


@record
class Phase:
    """A training before the run proper, with the same network: its best weights are what the next phase begins with.

    The classifier has the classes of the phase's data, and begins anew where the next phase has others.
    """

    name: str = param(
        min_length=1, max_length=60, pattern=ONE_LINE, help="What people call it, such as pretrain; decides nothing."
    )
    train: TrainSpec = param(help="Everything about this training, as in [train].")
    data: DataSpec | None = param(default=None, help="Other data, as in [data]; the run's own unless given.")
    augment: tuple[AnyAugment, ...] | None = param(
        default=None, help="Other augmentation, as in [[augment]]; the run's own unless given, [] for none."
    )

"""How a network is trained: optimizer, schedule, loss, early stopping, and the rest of ``[train]``.

Default hyper-parameters are those of Keras 3. What the sources wrote as Keras' ``Adadelta()`` meant learning rate
1.0 in their time; Keras 3 (and we) default to 0.001, so write 1.0 where that is meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Annotated, Any, Literal

import pydantic

from fittingroom.spec.mistakes import IDENTIFIER, Refused, show_value
from fittingroom.spec.record import param, record

MOST_EPOCHS = 100_000
Monitor = Literal["validation_loss", "validation_accuracy"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "bf16", "exact"]

LearningRate = Annotated[
    float, param(gt=0, le=100, unit="step per gradient", help="Size of the steps; the schedule multiplies it.")
]
WeightDecay = Annotated[
    float, param(ge=0, le=1, unit="share", help="Share of each weight removed at each step, times the rate.")
]
Epsilon = Annotated[float, param(gt=0, le=1, unit="gradient", help="Added to denominators, against division by zero.")]
Momentum = Annotated[float, param(ge=0, lt=1, unit="share", help="Share of the previous step that is kept.")]
MeanMemory = Annotated[float, param(ge=0, lt=1, unit="share", help="Memory of the gradient's mean.")]
SquareMemory = Annotated[float, param(ge=0, lt=1, unit="share", help="Memory of the gradient's square.")]


@record
class Sgd:
    """Stochastic gradient descent, plain or with momentum (Keras' ``SGD``)."""

    learning_rate: LearningRate = 0.01
    momentum: Momentum = 0.0
    nesterov: bool = param(default=False, strict=True, help="Look ahead along the momentum before each step.")
    name: Literal["sgd"] = param(default="sgd", kw_only=True, help="Which optimizer.")


@record
class Adam:
    """Adam (Kingma and Ba 2015): a step size for each weight from the mean and spread of its gradients.

    ``epsilon`` is added after the bias correction, as torch does and the paper's algorithm 1 says (Keras adds it
    before); with the default of 1e-7 the difference is below rounding for all but vanishing gradients.
    """

    learning_rate: LearningRate = 0.001
    beta_1: MeanMemory = 0.9
    beta_2: SquareMemory = 0.999
    epsilon: Epsilon = 1e-7
    name: Literal["adam"] = param(default="adam", kw_only=True, help="Which optimizer.")


@record
class AdamW:
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019); decays every weight, as Keras."""

    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 0.004
    beta_1: MeanMemory = 0.9
    beta_2: SquareMemory = 0.999
    epsilon: Epsilon = 1e-7
    name: Literal["adamw"] = param(default="adamw", kw_only=True, help="Which optimizer.")


@record
class Adadelta:
    """Adadelta (Zeiler 2012). Keras' default learning rate is 0.001; the paper, and source B, mean 1.0."""

    learning_rate: LearningRate = 0.001
    rho: float = param(default=0.95, ge=0, lt=1, unit="share", help="Memory of squared gradients and steps.")
    epsilon: Epsilon = 1e-7
    name: Literal["adadelta"] = param(default="adadelta", kw_only=True, help="Which optimizer.")


@record
class RmsProp:
    """RMSprop (Hinton 2012): steps divided by the recent size of the gradient.

    ``epsilon`` is added outside the square root, as torch does; Keras 3 adds it inside.
    """

    learning_rate: LearningRate = 0.001
    rho: SquareMemory = 0.9
    momentum: Momentum = 0.0
    epsilon: Epsilon = 1e-7
    name: Literal["rmsprop"] = param(default="rmsprop", kw_only=True, help="Which optimizer.")


@record
class Muon:
    """Muon (Jordan 2024): orthogonal steps for the matrices and filters inside the network, Adam for the rest.

    The rest are the first and the last layer, biases, scales and depthwise filters. Both take steps of Adam's usual
    size (Liu et al. 2025), so a rate that suits Adam is a fair start; what is inside bears larger ones. Keras' ``Muon``
    leaves all filters of convolutions to Adam, takes the last layer in unless told not to, and lets everything decay;
    here only the matrices and filters inside do.
    """

    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 0.004
    momentum: Momentum = 0.95
    beta_1: MeanMemory = 0.9
    beta_2: SquareMemory = 0.999
    epsilon: Epsilon = 1e-7
    name: Literal["muon"] = param(default="muon", kw_only=True, help="Which optimizer.")


Optimizer = Annotated[
    Sgd | Adam | AdamW | Adadelta | RmsProp | Muon,
    param(discriminator="name", help="The rule that turns gradients into steps."),
]


@record
class _WarmUp:
    """A schedule multiplies the learning rate. It is read at the middle of each step, in epochs since the start."""

    warmup: float = param(
        default=0.0,
        ge=0,
        le=MOST_EPOCHS,
        kw_only=True,
        unit="epochs",
        help="Time over which the rate first rises from near zero.",
    )

    def multiplier(self, epoch: float, epochs: float) -> float:
        """What the learning rate is multiplied with when ``epoch`` of ``epochs`` have passed."""
        rise = min(1.0, epoch / self.warmup) if self.warmup > 0 else 1.0
        return rise * self.shape(epoch, epochs)

    def shape(self, epoch: float, epochs: float) -> float:
        """The multiplier without warm-up."""
        raise NotImplementedError


@record
class Constant(_WarmUp):
    """The same learning rate throughout."""

    name: Literal["constant"] = param(default="constant", kw_only=True, help="Which schedule.")

    def shape(self, epoch: float, epochs: float) -> float:
        return 1.0


@record
class Step(_WarmUp):
    """The rate is multiplied by ``factor`` after every ``every`` epochs."""

    factor: float = param(default=0.1, gt=0, le=1, unit="times", help="What the rate is multiplied with at each step.")
    every: int = param(default=10, ge=1, le=MOST_EPOCHS, unit="epochs", help="Epochs between steps down.")
    name: Literal["step"] = param(default="step", kw_only=True, help="Which schedule.")

    def shape(self, epoch: float, epochs: float) -> float:
        return self.factor ** (int(epoch) // self.every)


@record
class Exponential(_WarmUp):
    """The full rate for ``start_epoch`` epochs, then multiplied by ``factor`` at the start of each further epoch.

    Source A: ``factor = 0.9875, start_epoch = 150`` and ``factor = 0.98, start_epoch = 30``.
    """

    factor: float = param(
        default=0.98, gt=0, le=1, unit="times", help="What the rate is multiplied with at each epoch."
    )
    start_epoch: int = param(
        default=0, ge=0, le=MOST_EPOCHS, unit="epochs", help="Epochs at the full rate before it falls."
    )
    name: Literal["exponential"] = param(default="exponential", kw_only=True, help="Which schedule.")

    def shape(self, epoch: float, epochs: float) -> float:
        return self.factor ** max(0, int(epoch) - self.start_epoch + 1)


@record
class Cosine(_WarmUp):
    """Half a cosine from the full rate down to ``final`` of it (Loshchilov and Hutter 2017, without restarts)."""

    final: float = param(default=0.0, ge=0, le=1, unit="share", help="Share of the rate that is left at the end.")
    name: Literal["cosine"] = param(default="cosine", kw_only=True, help="Which schedule.")

    def shape(self, epoch: float, epochs: float) -> float:
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * min(1.0, epoch / epochs))) / 2


@record
class OneCycle:
    """Up from ``start`` of the rate to all of it, then down to ``final`` of it, both along a cosine.

    Smith and Topin 2018, with the two-phase form and the defaults of torch's ``OneCycleLR``; momentum stays.
    """

    rise: float = param(
        default=0.3, gt=0, lt=1, unit="share", help="Share of the training during which the rate rises."
    )
    start: float = param(default=0.04, gt=0, le=1, unit="share", help="Share of the rate at the start.")
    final: float = param(default=4e-6, ge=0, le=1, unit="share", help="Share of the rate at the end.")
    name: Literal["one_cycle"] = param(default="one_cycle", kw_only=True, help="Which schedule.")

    def multiplier(self, epoch: float, epochs: float) -> float:
        """What the learning rate is multiplied with when ``epoch`` of ``epochs`` have passed."""
        done = min(1.0, epoch / epochs)
        if done < self.rise:
            return _cosine_between(self.start, 1.0, done / self.rise)
        return _cosine_between(1.0, self.final, (done - self.rise) / (1 - self.rise))


def _cosine_between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


Schedule = Annotated[
    Constant | Step | Exponential | Cosine | OneCycle,
    param(discriminator="name", help="How the learning rate changes while training."),
]


@record
class CrossEntropy:
    """Cross-entropy of the softmax: minus the log of the probability given to the right class."""

    label_smoothing: float = param(
        default=0.0,
        ge=0,
        lt=1,
        unit="share",
        help="Share of the target spread evenly over all classes, against overconfidence.",
    )
    name: Literal["cross_entropy"] = param(default="cross_entropy", kw_only=True, help="Which loss.")


@record
class EarlyStop:
    """Stop when what is watched has not improved for ``patience`` epochs in a row."""

    monitor: Monitor = param(default="validation_loss", help="What is watched, after every epoch.")
    patience: int = param(
        default=5, ge=1, le=MOST_EPOCHS, unit="epochs", help="Epochs without improvement that are waited for."
    )
    min_delta: float = param(
        default=0.0, ge=0, le=1, unit="of what is watched", help="An improvement has to be larger than this to count."
    )


def _class_weights(value: Any) -> Literal["balanced"] | tuple[float, ...] | None:
    """``balanced``, or a positive number for each class."""
    if value is None:
        return None
    if isinstance(value, str) and value == "balanced":
        return "balanced"
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise Refused(f"should be a list of numbers, not {show_value(value)}", 'give one for each class, or "balanced"')
    weights = tuple(value)
    for weight in weights:
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 < float(weight) < math.inf:
            raise Refused(
                f"holds {show_value(weight)}, which is no number above 0",
                "make every weight positive; only their ratios matter",
            )
    return tuple(float(weight) for weight in weights)


_Weight = Annotated[float, param(gt=0, help="Weight of one class.")]
ClassWeights = Annotated[
    Literal["balanced"] | tuple[float, ...] | None,
    pydantic.PlainValidator(_class_weights, json_schema_input_type=Literal["balanced"] | tuple[_Weight, ...] | None),
]


_NUMBER = r"(\d+(?:\.\d+)?)"
_TIME = rf"\s*(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m)?\s*(?:{_NUMBER}\s*s)?\s*"
SHORTEST_BUDGET = 0.001
LONGEST_BUDGET = 100 * 24 * 3600


def _budget(value: Any) -> str | None:
    """A time as text, in seconds: ``"1m30s"`` and 90 are both ``"90s"``."""
    if value is None:
        return None
    seconds = float(value) if isinstance(value, Real) and not isinstance(value, bool) else _seconds(value)
    if seconds is None or not SHORTEST_BUDGET <= seconds <= LONGEST_BUDGET:
        raise Refused(
            f"{show_value(value)} is not a time to train for", 'write it like "60s", "5m" or "1h30m", up to 100 days'
        )
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _seconds(value: Any) -> float | None:
    """``"1h30m"`` -> 5400.0; None where it is no time."""
    found = re.fullmatch(_TIME, value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        return None
    return sum(float(count or 0) * unit for count, unit in zip(found.groups(), (3600, 60, 1), strict=True))


_Time = Annotated[str, param(min_length=2, max_length=20, pattern=r"^[1-9][0-9]{0,4}[sm]$", help="60s, 5m, 1h30m.")]
Budget = Annotated[str | None, pydantic.PlainValidator(_budget, json_schema_input_type=_Time | None)]
LayerName = Annotated[str, param(min_length=1, max_length=60, pattern=IDENTIFIER, help="Name of a layer.")]


@record
class TrainSpec:
    """The table ``[train]``: everything about training but the network, the data and the augmentation.

    The training loss is what is minimized (with label smoothing and class weights, dropout and augmentation on);
    the validation loss is the plain cross-entropy of the network at rest, so it compares between runs.
    """

    epochs: int = param(default=10, ge=1, le=MOST_EPOCHS, unit="epochs", help="Passes over the training images.")
    batch_size: int = param(default=256, ge=1, le=65_536, unit="images", help="Images for each step.")
    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    loss: CrossEntropy = param(default=CrossEntropy(), help="What is minimized.")
    early_stop: EarlyStop | None = param(
        default=None, help="When to stop before the last epoch; all epochs are trained when left out."
    )
    best: Monitor | None = param(
        default=None,
        help="Which epoch's weights count as best: what early stopping watches unless given, else validation_loss.",
    )
    class_weights: ClassWeights = param(
        default=None,
        unit="times",
        help="Weight of each class in the loss: balanced makes rare classes count as much as common ones.",
    )
    clip_norm: float | None = param(
        default=None,
        gt=0,
        le=1e6,
        unit="length of the gradient",
        help="Largest allowed length of the gradient over all weights; longer ones are shortened.",
    )
    device: Device = param(default="auto", help="Where to train; auto takes a GPU when there is one.")
    precision: Precision = param(
        default="auto",
        help="How numbers are computed: auto lets a short trial choose what is fastest here, bf16 (half the bits in "
        "products, weights in fp32) only where it agrees with fp32 and is clearly faster; fp32 and bf16 leave only "
        "the rest to the trial; exact is plain fp32, layer by layer, without any rewriting.",
    )
    budget: Budget = param(
        default=None,
        help="Time to train for, such as 60s, 5m or 1h30m, validation and saving included; the schedule is laid over "
        "it, and epochs is left aside.",
    )
    freeze_up_to: LayerName | None = param(
        default=None,
        help="This layer and all before it keep their weights, and the statistics of their batch normalization.",
    )
    reset: tuple[LayerName, ...] = param(
        default=(),
        help="Layers that begin with fresh initial weights, where the others take theirs from `start` or from the "
        "phase before.",
    )
    keep_checkpoints: int = param(
        default=0,
        ge=0,
        le=MOST_EPOCHS,
        unit="epochs",
        help="How many of the newest epochs leave a checkpoint to fork from, beside the best and the last one, which "
        "always do; decides nothing about the training.",
    )

    @property
    def budget_seconds(self) -> float | None:
        return None if self.budget is None else float(self.budget.removesuffix("s"))

    @property
    def best_by(self) -> Monitor:
        """What decides which epoch's weights are the best."""
        if self.best is not None:
            return self.best
        return self.early_stop.monitor if self.early_stop else "validation_loss"

    def learning_rate(self, epoch: float, epochs: float | None = None) -> float:
        """Learning rate when ``epoch`` epochs (a fraction within an epoch) of ``epochs`` have passed."""
        return self.optimizer.learning_rate * self.schedule.multiplier(epoch, self.epochs if epochs is None else epochs)


def batches(images: int, batch_size: int) -> range:
    """Where batches begin. A last batch of a single image is left out: batch normalization cannot use it."""
    return range(0, images - 1 if images > 1 and images % batch_size == 1 else images, batch_size)

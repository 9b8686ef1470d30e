"""The layers a network is stacked from: one frozen record for each kind, without torch.

Every record knows its parameters with bounds, unit and help, its ``output_shape`` and its ``parameter_count``.
Shapes are ``(channels, height, width)`` for images and ``(features,)`` for flat vectors; the batch is left out.

Conventions are those of Keras 3 (weights, padding, sizes, counts, Glorot-uniform initial weights, zero biases).
Departures, each told again where it applies:

- shapes are written channels first, as torch does; flatten still orders values height, width, channel, as Keras;
- batch normalization has momentum 0.9 by default (Keras 0.99) and updates its running variance with the
  unbiased variance of the batch, as torch computes it (Keras uses the biased one);
- ``dense`` and ``classify`` refuse images (Keras applies them to the last axis): flatten or pool first;
- ``leaky_relu`` has slope 0.2 everywhere, as ``keras.activations.leaky_relu`` (the Keras layer has 0.3);
- ``classify`` gives logits while training; its softmax is part of the loss and of prediction.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from fittingroom.errors import InvalidInput
from fittingroom.spec.mistakes import IDENTIFIER
from fittingroom.spec.record import param, record

Shape: TypeAlias = tuple[int, ...]
Padding = Literal["valid", "same"]
ActivationName = Literal["relu", "elu", "selu", "tanh", "sigmoid", "gelu", "leaky_relu", "swish"]
Initializer = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
    "dirac",
]


class ImpossibleLayer(InvalidInput):
    """A layer cannot take the shape that reaches it. ``fix`` says what would make it possible."""

    def __init__(self, message: str, fix: str) -> None:
        self.message, self.fix = message, fix
        super().__init__(f"{message}; {fix}")

    def __reduce__(self) -> tuple[type[ImpossibleLayer], tuple[str, str]]:
        """Pickled by its two parts: errors cross from worker processes."""
        return type(self), (self.message, self.fix)


def show_shape(shape: Shape) -> str:
    """``(32, 7, 7)`` -> ``32×7×7``."""
    return "×".join(str(size) for size in shape)


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """``shape`` as channels, height, width; refuses flat vectors."""
    if len(shape) != 3:
        raise ImpossibleLayer(
            f"needs an image (channels×height×width) but gets a flat vector of {show_shape(shape)}",
            "move it before the flatten or global_pool layer, or remove it",
        )
    return shape[0], shape[1], shape[2]


def flat_features(shape: Shape) -> int:
    """``shape`` as the length of a flat vector; refuses images."""
    if len(shape) != 1:
        raise ImpossibleLayer(
            f"needs a flat input but gets {show_shape(shape)}",
            "insert flatten before it",
        )
    return shape[0]


def window_output(size: int, window: int, stride: int, padding: Padding) -> int:
    """Positions of a sliding window along one axis, as in Keras: ``same`` is ceil(size / stride)."""
    if padding == "same":
        return -(-size // stride)
    return (size - window) // stride + 1


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """Padding (before, after) along one axis for ``same``; the odd pixel goes after, as in TensorFlow."""
    total = max((window_output(size, window, stride, "same") - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def _slide(shape: Shape, window: int, stride: int, padding: Padding, what: str) -> tuple[int, int, int]:
    """Shape after a sliding window with unchanged channels; refuses windows larger than the image."""
    channels, height, width = image_shape(shape)
    if padding == "valid" and window > min(height, width):
        raise ImpossibleLayer(
            f"slides a window of {window}×{window} ({what} {window}, stride {stride}, padding valid) "
            f"over an image of only {height}×{width} ({show_shape(shape)})",
            f'set padding = "same", or {what} to at most {min(height, width)}',
        )
    return (
        channels,
        window_output(height, window, stride, padding),
        window_output(width, window, stride, padding),
    )


# Parameters that several layers share.
Activation = Annotated[ActivationName | None, param(help="Function applied to each output value; none when left out.")]
Bias = Annotated[bool, param(strict=True, help="Whether a trainable constant is added to each output channel or unit.")]
InitialWeights = Annotated[
    Initializer,
    param(
        help="Distribution that the initial weights are drawn from; biases start at zero. dirac: the first outputs are "
        "copies of the inputs."
    ),
]
Kernel = Annotated[int, param(ge=1, le=64, unit="pixels", help="Height and width of the sliding window.")]
Stride = Annotated[int, param(ge=1, le=64, unit="pixels", help="Step of the window; 2 halves height and width.")]
DepthMultiplier = Annotated[
    int, param(ge=1, le=64, unit="channels per input channel", help="Patterns that slide over each input channel.")
]
Momentum = Annotated[
    float, param(ge=0, lt=1, unit="share", help="Share of the old running statistics that is kept at each step.")
]
VarianceEpsilon = Annotated[
    float, param(gt=0, le=1, unit="variance", help="Added to the variance, against division by zero.")
]
WindowPadding = Annotated[
    Padding,
    param(help="valid: only whole windows; same: zeros around the image, so that stride 1 keeps its size."),
]


@record
class Layer:
    """What every layer has: a name that stays, and pure functions of the shape that reaches it."""

    name: str | None = param(
        default=None,
        kw_only=True,
        min_length=1,
        max_length=60,
        pattern=IDENTIFIER,
        help="Name that other settings refer to; kind and number (conv_1) unless given.",
    )

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the layer's output for one input of ``shape``; raises ImpossibleLayer."""
        raise NotImplementedError

    def parameter_count(self, shape: Shape) -> int:
        """All weights that the layer holds for inputs of ``shape``, as Keras counts them."""
        return self.trainable_count(shape) + self.statistics_count(shape)

    def trainable_count(self, shape: Shape) -> int:
        """Weights that training changes."""
        return 0

    def statistics_count(self, shape: Shape) -> int:
        """Running statistics (batch normalization) that are counted as parameters but not trained."""
        return 0


@record
class Conv(Layer):
    """Convolution: slides ``filters`` learned patterns over the image (cross-correlation, as everywhere)."""

    filters: int = param(ge=1, le=4096, unit="channels", help="Number of patterns, and of output channels.")
    kernel: Kernel = 3
    stride: Stride = 1
    padding: WindowPadding = "valid"
    activation: Activation = None
    bias: Bias = True
    initializer: InitialWeights = "glorot_uniform"
    layer: Literal["conv"] = param(default="conv", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        _, height, width = _slide(shape, self.kernel, self.stride, self.padding, "kernel")
        return self.filters, height, width

    def trainable_count(self, shape: Shape) -> int:
        return self.kernel**2 * shape[0] * self.filters + self.bias * self.filters


@record
class DepthwiseConv(Layer):
    """Convolution of every channel by its own ``depth_multiplier`` patterns, without mixing channels."""

    kernel: Kernel = 3
    stride: Stride = 1
    padding: WindowPadding = "valid"
    depth_multiplier: DepthMultiplier = 1
    activation: Activation = None
    bias: Bias = True
    initializer: InitialWeights = "glorot_uniform"
    layer: Literal["depthwise_conv"] = param(default="depthwise_conv", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        channels, height, width = _slide(shape, self.kernel, self.stride, self.padding, "kernel")
        return channels * self.depth_multiplier, height, width

    def trainable_count(self, shape: Shape) -> int:
        outputs = shape[0] * self.depth_multiplier
        return self.kernel**2 * outputs + self.bias * outputs


@record
class SeparableConv(Layer):
    """Depthwise convolution, then a 1×1 convolution that mixes channels; few weights for many filters."""

    filters: int = param(ge=1, le=4096, unit="channels", help="Number of output channels.")
    kernel: Kernel = 3
    stride: Stride = 1
    padding: WindowPadding = "valid"
    depth_multiplier: DepthMultiplier = 1
    activation: Activation = None
    bias: Bias = True
    initializer: InitialWeights = "glorot_uniform"
    layer: Literal["separable_conv"] = param(default="separable_conv", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        _, height, width = _slide(shape, self.kernel, self.stride, self.padding, "kernel")
        return self.filters, height, width

    def trainable_count(self, shape: Shape) -> int:
        depthwise = shape[0] * self.depth_multiplier
        return self.kernel**2 * depthwise + depthwise * self.filters + self.bias * self.filters


@record
class BatchNorm(Layer):
    """Batch normalization: each channel to mean 0 and spread 1 over the batch, then a learned scale and shift.

    Prediction uses running statistics. ``momentum`` has Keras' meaning: the share of the old value that is kept.
    """

    momentum: Momentum = 0.9
    epsilon: VarianceEpsilon = 1e-3
    layer: Literal["batch_norm"] = param(default="batch_norm", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def trainable_count(self, shape: Shape) -> int:
        return 2 * shape[0]

    def statistics_count(self, shape: Shape) -> int:
        return 2 * shape[0]


@record
class Activate(Layer):
    """A function applied to each value: what lets a stack of layers be more than one linear map."""

    function: ActivationName = param(help="relu, elu, selu, tanh, sigmoid, gelu, leaky_relu (slope 0.2) or swish.")
    layer: Literal["activation"] = param(default="activation", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        return shape


@record
class _Pool(Layer):
    """A window that slides over each channel; its step equals its size unless given."""

    size: Kernel = 2
    stride: int | None = param(
        default=None, ge=1, le=64, unit="pixels", help="Step of the window; as large as the window when left out."
    )
    padding: WindowPadding = "valid"

    @property
    def step(self) -> int:
        return self.size if self.stride is None else self.stride

    def output_shape(self, shape: Shape) -> Shape:
        return _slide(shape, self.size, self.step, self.padding, "size")


@record
class MaxPool(_Pool):
    """Keeps the largest value of each window; padding never wins."""

    layer: Literal["max_pool"] = param(default="max_pool", kw_only=True, help="Kind of the layer.")


@record
class MeanPool(_Pool):
    """Keeps the mean of each window; padding is left out of the mean."""

    layer: Literal["mean_pool"] = param(default="mean_pool", kw_only=True, help="Kind of the layer.")


@record
class GlobalPool(Layer):
    """One value for each channel: its mean (or maximum) over the whole image."""

    mode: Literal["mean", "max"] = param(default="mean", help="Which value stands for the channel.")
    layer: Literal["global_pool"] = param(default="global_pool", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        return (image_shape(shape)[0],)


@record
class Dropout(Layer):
    """Sets a random share of the values to zero at each training step, and scales up the rest."""

    rate: float = param(ge=0, lt=1, unit="share", help="Share of the values that is dropped; 0 changes nothing.")
    layer: Literal["dropout"] = param(default="dropout", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        return shape


@record
class Flatten(Layer):
    """The image as one long vector, ordered height, width, channel as in Keras."""

    layer: Literal["flatten"] = param(default="flatten", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        features = 1
        for size in shape:
            features *= size
        return (features,)


@record
class Dense(Layer):
    """Fully connected: every unit sees every input value."""

    units: int = param(ge=1, le=65536, unit="units", help="Number of outputs.")
    activation: Activation = None
    bias: Bias = True
    initializer: InitialWeights = "glorot_uniform"
    layer: Literal["dense"] = param(default="dense", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        flat_features(shape)
        return (self.units,)

    def trainable_count(self, shape: Shape) -> int:
        return shape[0] * self.units + self.bias * self.units


@record
class Classify(Layer):
    """The last layer: one output for each class of the data; softmax turns them into probabilities."""

    initializer: InitialWeights = "glorot_uniform"
    classes: int | None = param(
        default=None,
        ge=2,
        le=65536,
        unit="classes",
        help="Number of classes; taken from the data when left out, and checked.",
    )
    layer: Literal["classify"] = param(default="classify", kw_only=True, help="Kind of the layer.")

    def output_shape(self, shape: Shape) -> Shape:
        flat_features(shape)
        if self.classes is None:
            raise ImpossibleLayer("does not know the number of classes", "choose data, or set classes")
        return (self.classes,)

    def trainable_count(self, shape: Shape) -> int:
        return (shape[0] + 1) * self.output_shape(shape)[0]


@record
class Residual(Layer):
    """Residual block: two convolutions with batch normalization around a skip (He et al. 2016, figure 2).

    conv → batch_norm → activation → conv → batch_norm, plus the input, then the activation. The convolutions
    have padding same and no bias; the first has the stride. Where the shape changes, the skip is a 1×1
    convolution (same stride, no bias) with batch normalization. Momentum and epsilon as in ``batch_norm``.
    """

    filters: int = param(ge=1, le=4096, unit="channels", help="Number of output channels.")
    kernel: Kernel = 3
    stride: Stride = 1
    activation: ActivationName = param(default="relu", help="Function after each of the two pairs.")
    momentum: Momentum = 0.9
    epsilon: VarianceEpsilon = 1e-3
    initializer: InitialWeights = "glorot_uniform"
    layer: Literal["residual"] = param(default="residual", kw_only=True, help="Kind of the layer.")

    def projects(self, channels: int) -> bool:
        """Whether the skip is a 1×1 convolution with batch normalization, for this many input channels."""
        return self.stride != 1 or channels != self.filters

    def output_shape(self, shape: Shape) -> Shape:
        _, height, width = _slide(shape, self.kernel, self.stride, "same", "kernel")
        return self.filters, height, width

    def trainable_count(self, shape: Shape) -> int:
        channels, square = shape[0], self.kernel**2
        convolutions = square * channels * self.filters + square * self.filters**2
        return convolutions + 4 * self.filters + self.projects(channels) * (channels + 2) * self.filters

    def statistics_count(self, shape: Shape) -> int:
        return (6 if self.projects(shape[0]) else 4) * self.filters


AnyLayer = Annotated[
    Conv
    | DepthwiseConv
    | SeparableConv
    | BatchNorm
    | Activate
    | MaxPool
    | MeanPool
    | GlobalPool
    | Dropout
    | Flatten
    | Dense
    | Classify
    | Residual,
    param(discriminator="layer", help="One layer of the network."),
]
LAYER_KINDS: dict[str, type[Layer]] = {
    "conv": Conv,
    "depthwise_conv": DepthwiseConv,
    "separable_conv": SeparableConv,
    "batch_norm": BatchNorm,
    "activation": Activate,
    "max_pool": MaxPool,
    "mean_pool": MeanPool,
    "global_pool": GlobalPool,
    "dropout": Dropout,
    "flatten": Flatten,
    "dense": Dense,
    "classify": Classify,
    "residual": Residual,
}

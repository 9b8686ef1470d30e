"""Computes with Keras 3 what our layers, initial weights and optimizers are compared with. Run by hand:

    python -m venv keras-venv
    keras-venv/bin/pip install keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
    keras-venv/bin/python tests/oracles/make_keras_table.py

Writes ``keras_table.json`` and ``keras_table.npz`` beside itself; both are committed. It imports nothing of ours: it
reads the same keys as a spec file and says them in Keras. Nothing is left to chance, so a second run on the same
machine writes the same bytes (another processor may round the last digit of an output differently).

The JSON holds one list for each purpose, one row to a line:

- ``layers``: a stack of our layers, the shape that goes in (ours: channels first), Keras' output shape (ours) and
  parameter count, and where in the npz to find images (NHWC), weights (Keras' layout) and outputs (NHWC). Rows with
  ``"training": true`` are one step of training and also hold the running statistics after it;
- ``networks``: whole networks, counts only;
- ``dropout``: share and scale of Keras' dropout while training;
- ``initial``: fans, and spread and largest value of weights drawn by Keras' initializers;
- ``optimizers``: ten steps with fixed gradients from fixed weights.

The npz holds one long vector ``values``; ``{"at": 10, "shape": [2, 3]}`` are its values 10 to 15 as a matrix.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from pathlib import Path
from typing import Any

os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # plain kernels: their sums do not depend on the number of cores

import keras
import numpy as np
import tensorflow as tf
from keras.src.initializers.random_initializers import compute_fans
from numpy.typing import NDArray

Record = dict[str, Any]
Array = NDArray[np.float32]

IMAGES = 2
SHAPES = [(1, 7, 9), (2, 8, 6), (3, 5, 8)]
"""Odd, even and mixed sizes, none square; channels first."""
PADDINGS = ["valid", "same"]
ACTIVATIONS = ["relu", "elu", "selu", "tanh", "sigmoid", "gelu", "leaky_relu", "swish"]
INITIALIZERS = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"]


class Values:
    """One long vector in which every array is written once."""

    def __init__(self) -> None:
        self.parts: list[Array] = []
        self.length = 0
        self.known: dict[bytes, int] = {}

    def put(self, array: Array) -> Record:
        flat = np.ascontiguousarray(array, dtype=np.float32).ravel()
        if flat.tobytes() not in self.known:
            self.known[flat.tobytes()] = self.length
            self.parts.append(flat)
            self.length += flat.size
        return {"at": self.known[flat.tobytes()], "shape": list(array.shape)}


VALUES = Values()


def draw(purpose: str, shape: tuple[int, ...]) -> Array:
    """Multiples of 1/64 between -1 and 1 that depend on purpose and shape only."""
    generator = np.random.default_rng(zlib.crc32(f"{purpose} {shape}".encode()))
    return (generator.integers(-64, 65, shape) / 64).astype(np.float32)


def images(shape: tuple[int, ...]) -> Array:
    return draw("images", (IMAGES, *channels_last(shape)))


def channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[1:], shape[0])


def channels_first(shape: tuple[int, ...]) -> list[int]:
    return [shape[-1], *shape[:-1]]


# Our layers, said in Keras.


def apply(record: Record, values: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """The output of one of our layers, built from Keras layers whose names begin with ``name``."""
    match record["layer"]:
        case "batch_norm":
            layer = norm(record, name)
        case "activation":
            layer = keras.layers.Activation(record["function"], name=name)
        case "max_pool":
            layer = keras.layers.MaxPooling2D(**pool_window(record), name=name)
        case "mean_pool":
            layer = keras.layers.AveragePooling2D(**pool_window(record), name=name)
        case "global_pool" if record["mode"] == "mean":
            layer = keras.layers.GlobalAveragePooling2D(name=name)
        case "global_pool":
            layer = keras.layers.GlobalMaxPooling2D(name=name)
        case "dropout":
            layer = keras.layers.Dropout(record["rate"], name=name)
        case "flatten":
            layer = keras.layers.Flatten(name=name)
        case "dense":
            layer = keras.layers.Dense(record["units"], **neuron(record), name=name)
        case "classify":
            layer = keras.layers.Dense(record["classes"], activation="softmax", name=name)
        case "residual":
            return residual(record, values, name)
        case _:
            layer = convolution(record, name)
    return layer(values)


def convolution(record: Record, name: str) -> keras.layers.Layer:
    window = {"strides": record.get("stride", 1), "padding": record.get("padding", "valid"), "name": name}
    if record["layer"] == "conv":
        return keras.layers.Conv2D(record["filters"], record["kernel"], **window, **neuron(record))
    window["depth_multiplier"] = record.get("depth_multiplier", 1)
    if record["layer"] == "depthwise_conv":
        return keras.layers.DepthwiseConv2D(record["kernel"], **window, **neuron(record))
    assert record["layer"] == "separable_conv"
    return keras.layers.SeparableConv2D(record["filters"], record["kernel"], **window, **neuron(record))


def neuron(record: Record) -> Record:
    return {"activation": record.get("activation"), "use_bias": record.get("bias", True)}


def pool_window(record: Record) -> Record:
    return {
        "pool_size": record["size"],
        "strides": record.get("stride"),
        "padding": record.get("padding", "valid"),
    }


def norm(record: Record, name: str) -> keras.layers.Layer:
    return keras.layers.BatchNormalization(
        momentum=record.get("momentum", 0.9), epsilon=record.get("epsilon", 1e-3), name=name
    )


def residual(record: Record, values: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """conv, norm, activation, conv, norm, plus the skip, activation; the skip is conv, norm where shapes differ."""
    filters, stride = record["filters"], record.get("stride", 1)
    activation = keras.layers.Activation(record.get("activation", "relu"))

    def conv(kernel: int, step: int, part: str) -> keras.layers.Layer:
        return keras.layers.Conv2D(filters, kernel, strides=step, padding="same", use_bias=False, name=f"{name}.{part}")

    outputs = conv(record["kernel"], stride, "conv_1")(values)
    outputs = activation(norm(record, f"{name}.norm_1")(outputs))
    outputs = conv(record["kernel"], 1, "conv_2")(outputs)
    outputs = norm(record, f"{name}.norm_2")(outputs)
    if stride != 1 or values.shape[-1] != filters:
        values = norm(record, f"{name}.skip.norm")(conv(1, stride, "skip.conv")(values))
    return activation(keras.layers.Add()([outputs, values]))


def network(layers: list[Record], shape: tuple[int, ...]) -> keras.Model:
    keras.utils.clear_session()
    inputs = outputs = keras.Input(channels_last(shape) if len(shape) == 3 else shape)
    for index, record in enumerate(layers):
        outputs = apply(record, outputs, str(index))
    return keras.Model(inputs, outputs)


# Rows of the table.


def layer_row(kind: str, layers: list[Record], inputs: Array, *, training: bool = False) -> Record:
    """What the stack gives for ``inputs`` with fixed weights, at rest or in one step of training."""
    shape = tuple(channels_first(inputs.shape[1:])) if inputs.ndim == 4 else inputs.shape[1:]
    model = network(layers, shape)
    variables = {f"{layer.name}.{variable.name}": variable for layer in model.layers for variable in layer.weights}
    for name, variable in variables.items():
        values = draw(name, variable.shape)
        variable.assign(1.5 + values if name.endswith(("moving_variance", "gamma")) else values)
    weights = {name: VALUES.put(variable.numpy()) for name, variable in variables.items()}
    outputs = model(inputs, training=training).numpy()
    assert outputs.shape[1:] == model.output_shape[1:]
    row = {
        "kind": kind,
        "layers": layers,
        "input_shape": list(shape),
        "output_shape": channels_first(outputs.shape[1:]),
        "parameters": model.count_params(),
        "images": VALUES.put(inputs),
        "weights": weights,
        "outputs": VALUES.put(outputs),
    }
    if training:
        row["training"] = True
        row["statistics"] = {name: VALUES.put(v.numpy()) for name, v in variables.items() if "moving" in name}
    return row


def convolution_rows() -> list[Record]:
    rows = []
    windows = list(itertools.product(range(1, 6), range(1, 4), PADDINGS, SHAPES))
    kinds = {
        "conv": {"filters": 4},
        "depthwise_conv": {"depth_multiplier": 2},
        "separable_conv": {"filters": 4, "depth_multiplier": 2},
    }
    for kind, extra in kinds.items():
        for kernel, stride, padding, shape in windows:
            record = {"layer": kind, **extra, "kernel": kernel, "stride": stride, "padding": padding}
            record["bias"] = (kernel + stride + shape[0]) % 2 == 0
            rows.append(layer_row(kind, [record], images(shape)))
        for activation, (index, shape) in itertools.product(ACTIVATIONS, enumerate(SHAPES[1:])):
            record = {"layer": kind, **extra, "kernel": 3, "activation": activation, "bias": index == 0}
            rows.append(layer_row(kind, [record], images(shape)))
    for shape in SHAPES:
        rows.append(layer_row("depthwise_conv", [{"layer": "depthwise_conv", "kernel": 3}], images(shape)))
        rows.append(
            layer_row("separable_conv", [{"layer": "separable_conv", "filters": 3, "kernel": 2}], images(shape))
        )
    return rows


def pool_rows() -> list[Record]:
    """All values are below zero, so that padding would show in any maximum or mean that it entered."""
    rows = []
    settings = itertools.product(["max_pool", "mean_pool"], [1, 2, 3, 4], [None, 1, 2, 3], PADDINGS, SHAPES)
    for kind, size, stride, padding, shape in settings:
        record = {"layer": kind, "size": size, "padding": padding} | ({"stride": stride} if stride else {})
        rows.append(layer_row(kind, [record], images(shape) - 1.5))
    for kind in ["max_pool", "mean_pool"]:
        rows.append(layer_row(kind, [{"layer": kind, "size": 5, "padding": "same"}], images((3, 2, 3)) - 1.5))
    for mode, shape in itertools.product(["mean", "max"], SHAPES):
        rows.append(layer_row("global_pool", [{"layer": "global_pool", "mode": mode}], images(shape) - 1.5))
    return rows


def norm_rows() -> list[Record]:
    rows = []
    inputs = [*(images(shape) for shape in SHAPES), draw("features", (8, 5)), draw("features", (2, 3))]
    settings = [{}, {"momentum": 0.99}, {"momentum": 0.5, "epsilon": 1e-5}, {"momentum": 0.0}]
    for values, setting, training in itertools.product(inputs, settings, [False, True]):
        rows.append(layer_row("batch_norm", [{"layer": "batch_norm", **setting}], values, training=training))
    return rows


def residual_rows() -> list[Record]:
    rows = []
    for kernel, stride, filters, shape in itertools.product([2, 3], [1, 2, 3], [2, 3], SHAPES[1:]):
        record = {"layer": "residual", "filters": filters, "kernel": kernel, "stride": stride}
        rows.append(layer_row("residual", [record], images(shape)))
    for activation, filters, training in itertools.product(ACTIVATIONS, [2, 3], [False, True]):
        record = {"layer": "residual", "filters": filters, "kernel": 3, "activation": activation, "momentum": 0.8}
        rows.append(layer_row("residual", [record], images(SHAPES[1]), training=training))
    return rows


def flat_rows() -> list[Record]:
    rows = []
    features = draw("features", (3, 6))
    wide = np.concatenate([np.linspace(-20, 20, 81), [-0.0, 1e-3, -1e-3]]).astype(np.float32).reshape(2, 42)
    for function in ACTIVATIONS:
        rows.append(layer_row("activation", [{"layer": "activation", "function": function}], wide))
        rows.append(layer_row("activation", [{"layer": "activation", "function": function}], images(SHAPES[1])))
        rows.append(layer_row("dense", [{"layer": "dense", "units": 4, "activation": function}], features))
    rows.append(layer_row("dense", [{"layer": "dense", "units": 5}], features))
    rows.append(layer_row("dense", [{"layer": "dense", "units": 5, "bias": False}], features))
    for classes in [2, 10]:
        rows.append(layer_row("classify", [{"layer": "classify", "classes": classes}], features))
    for shape, rate in itertools.product(SHAPES, [0.0, 0.3]):
        rows.append(layer_row("dropout", [{"layer": "dropout", "rate": rate}], images(shape)))
    for shape in SHAPES:
        rows.append(layer_row("flatten", [{"layer": "flatten"}], images(shape)))
        rows.append(layer_row("flatten", [{"layer": "flatten"}, {"layer": "dense", "units": 3}], images(shape)))
    rows.append(layer_row("flatten", [{"layer": "flatten"}], features))
    return rows


# Whole networks, counted.


def network_rows() -> list[Record]:
    def row(name: str, *layers: Record) -> Record:
        stack = [*layers, {"layer": "classify", "classes": 10}]
        model = network(stack, (1, 28, 28))
        return {"name": name, "layers": stack, "input_shape": [1, 28, 28], "parameters": model.count_params()}

    flatten, pool, batch_norm = {"layer": "flatten"}, {"layer": "max_pool", "size": 2}, {"layer": "batch_norm"}

    def conv(filters: int, kernel: int) -> Record:
        return {"layer": "conv", "filters": filters, "kernel": kernel, "padding": "same", "activation": "relu"}

    def dense(units: int) -> Record:
        return {"layer": "dense", "units": units, "activation": "relu"}

    def pair(filters: int) -> list[Record]:
        return [conv(filters, 3), batch_norm, conv(filters, 3), batch_norm]

    small = [row(f"source B, {n} blocks", *[conv(16, 2), pool] * n, flatten) for n in (1, 2, 3)]
    dropout = {"layer": "dropout", "rate": 0.1}
    return [
        *small,
        row("source A, linear", flatten),
        row("source A, two layers of 120", flatten, dense(120), dropout, dense(120), dropout),
        row("source A, three blocks", *[conv(32, 3), pool, dropout] * 3, flatten, dense(30)),
        row("source A, 196/92/48", batch_norm, *pair(196), pool, *pair(92), pool, *pair(48), flatten, dense(30),
            batch_norm),
    ]  # fmt: skip


# Dropout, initial weights, optimizers.


def dropout_rows() -> list[Record]:
    rows = []
    for rate in [0.1, 0.25, 0.5, 0.9]:
        outputs = keras.layers.Dropout(rate, seed=1)(np.ones((1000, 1000), np.float32), training=True).numpy()
        rows.append({"rate": rate, "share": float((outputs == 0).mean()), "scale": float(outputs.max())})
        assert set(np.unique(outputs)) == {0, outputs.max()}
    return rows


def initial_rows() -> list[Record]:
    stacks = [
        ({"layer": "conv", "filters": 48, "kernel": 3}, (16, 8, 8)),
        ({"layer": "conv", "filters": 256, "kernel": 5}, (1, 8, 8)),
        ({"layer": "depthwise_conv", "kernel": 4, "depth_multiplier": 32}, (12, 8, 8)),
        ({"layer": "depthwise_conv", "kernel": 12, "depth_multiplier": 60}, (1, 16, 16)),
        ({"layer": "depthwise_conv", "kernel": 6}, (150, 8, 8)),
        ({"layer": "separable_conv", "filters": 96, "kernel": 4, "depth_multiplier": 8}, (40, 8, 8)),
        ({"layer": "residual", "filters": 80, "kernel": 3, "stride": 2}, (60, 8, 8)),
        ({"layer": "dense", "units": 120}, (50,)),
        ({"layer": "classify", "classes": 10}, (600,)),
    ]
    rows = []
    for (record, shape), initializer in itertools.product(stacks, INITIALIZERS):
        for layer in network([record], shape).layers:
            for variable in layer.weights:
                if "kernel" in variable.name:
                    made = keras.initializers.get({"class_name": initializer, "config": {"seed": 1}})
                    values = made(variable.shape).numpy()
                    rows.append({
                        "layer": {**record, "initializer": initializer},
                        "input_shape": list(shape),
                        "weight": f"{layer.name}.{variable.name}",
                        "kernel_shape": list(variable.shape),
                        "fans": list(compute_fans(variable.shape)),
                        "spread": float(values.std()),
                        "largest": float(np.abs(values).max()),
                    })  # fmt: skip
    return rows


def optimizer_rows() -> list[Record]:
    classes = {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "adadelta": keras.optimizers.Adadelta,
        "rmsprop": keras.optimizers.RMSprop,
    }
    specs: list[Record] = [
        {"name": "sgd"},
        {"name": "sgd", "nesterov": True},
        {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
        {"name": "adam"},
        {"name": "adam", "learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
        {"name": "adamw"},
        {"name": "adamw", "learning_rate": 0.1, "weight_decay": 0.2, "beta_1": 0.8, "beta_2": 0.95},
        {"name": "adadelta"},
        {"name": "adadelta", "learning_rate": 1.0},
        {"name": "adadelta", "learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3},
        {"name": "rmsprop"},
        {"name": "rmsprop", "learning_rate": 0.01, "rho": 0.8, "momentum": 0.9, "epsilon": 1e-3},
    ]
    shapes = {"kernel": (3, 2), "bias": (4,)}
    rows = []
    for spec, (gradients, size) in itertools.product(specs, [("ordinary", 1.0), ("vanishing", 2.0**-13)]):
        settings = dict(spec)
        optimizer = classes[settings.pop("name")](**settings)
        variables = {name: keras.Variable(draw(f"start {name}", shape)) for name, shape in shapes.items()}
        row: Record = {"optimizer": spec, "gradients": gradients, "steps": []}
        row["start"] = {name: variable.numpy().tolist() for name, variable in variables.items()}
        for step in range(10):
            slopes = {name: away_from_zero(draw(f"step {step} {name}", shape)) * size for name, shape in shapes.items()}
            optimizer.apply_gradients([(tf.constant(slopes[name]), variables[name]) for name in shapes])
            row["steps"].append({
                "gradients": {name: slope.tolist() for name, slope in slopes.items()},
                "weights": {name: variable.numpy().tolist() for name, variable in variables.items()},
            })  # fmt: skip
        rows.append(row)
    return rows


def away_from_zero(values: Array) -> Array:
    return np.where(values < 0, values - 0.25, values + 0.25).astype(np.float32)


def main() -> None:
    table = {
        "layers": convolution_rows() + pool_rows() + norm_rows() + residual_rows() + flat_rows(),
        "networks": network_rows(),
        "dropout": dropout_rows(),
        "initial": initial_rows(),
        "optimizers": optimizer_rows(),
    }
    here = Path(__file__).parent
    lines = [f'"made_with": {json.dumps({"keras": keras.__version__, "tensorflow": tf.__version__})}']
    for purpose, rows in table.items():
        lines.append(f'"{purpose}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]")
    (here / "keras_table.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    values = np.concatenate(VALUES.parts)
    assert np.isfinite(values).all()
    np.savez_compressed(here / "keras_table.npz", values=values)
    print(f"{ {purpose: len(rows) for purpose, rows in table.items()} }, {values.nbytes:,} bytes of values")


if __name__ == "__main__":
    main()

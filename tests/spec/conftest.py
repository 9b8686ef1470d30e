"""A spec and a data set that several tests of specs begin with."""

from __future__ import annotations

from fittingroom.spec.faults import DataFacts

FASHION_MNIST = DataFacts(
    channels=1,
    height=28,
    width=28,
    class_names=tuple("0123456789"),
    training_images=55_000,
    validation_images=5_000,
    test_images=10_000,
)

TOML = """
format = 1
name = "three layers"
seed = 7

[data]
source = "fashion-mnist"
validation = 5000

[[augment]]
kind = "shift"
fraction = 0.1

[[network]]
layer = "conv"
filters = 32
activation = "relu"
[[network]]
layer = "flatten"
name = "vector"
[[network]]
layer = "classify"

[train]
epochs = 3
optimizer = { name = "sgd", learning_rate = 0.1, momentum = 0.9 }
schedule = { name = "cosine", warmup = 0.5 }
early_stop = { patience = 4 }
"""

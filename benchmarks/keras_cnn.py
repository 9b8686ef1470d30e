"""The Keras side of several benchmarks: source A's CNN in Keras 3 on TensorFlow, as its documentation would have it.

    python keras_cnn.py IMAGES.npz EPOCHS SEED [PRECISION]

``IMAGES.npz`` holds uint8 ``train_images`` and ``validation_images`` (N, height, width, 1) and their labels. All is
left at Keras' defaults but what the workload says: oneDNN on, validation in batches as large as in training, and fp32
unless ``PRECISION`` is ``mixed_bfloat16``. Prints a line of JSON when training begins, after each epoch, and at the
end; the accuracy of the last line is that of the epoch with the lowest validation loss, which is also how
``fittingroom train`` chooses the epoch it reports.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

BATCH_SIZE = 256
LEARNING_RATE = 0.001


def network(classes: int) -> keras.Model:
    """Three × [convolution, pooling, dropout], then a layer of 30."""
    blocks = [
        layer
        for _ in range(3)
        for layer in (
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.1),
        )
    ]
    head = [layers.Flatten(), layers.Dense(30, activation="relu"), _output(classes)]
    return keras.Sequential([keras.Input((28, 28, 1)), *blocks, *head])


def _output(classes: int) -> keras.layers.Layer:
    """In fp32 under every policy, as Keras advises."""
    return layers.Dense(classes, activation="softmax", dtype="float32")


class Told(keras.callbacks.Callback):
    """Says what happens at the moment it does."""

    def on_train_begin(self, logs: object = None) -> None:
        print(json.dumps({"event": "started"}), flush=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        said = {"event": "epochended", "epoch": epoch + 1, "validation_accuracy": float(logs["val_accuracy"])}
        print(json.dumps(said), flush=True)


def main() -> None:
    path, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    keras.config.set_dtype_policy(sys.argv[4] if len(sys.argv) > 4 else "float32")
    with np.load(path) as images:
        train, validation = (
            (images[f"{part}_images"].astype(np.float32) / 255, images[f"{part}_labels"])
            for part in ("train", "validation")
        )
    keras.utils.set_random_seed(seed)
    model = network(int(train[1].max()) + 1)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        *train, batch_size=BATCH_SIZE, epochs=epochs, validation_data=validation, verbose=0, callbacks=[Told()]
    ).history
    best = int(np.argmin(history["val_loss"]))
    outcome = {
        "epochs": len(history["val_loss"]),
        "training_images": len(train[0]),
        "validation_images": len(validation[0]),
        "validation_accuracy": float(history["val_accuracy"][best]),
        "parameters": model.count_params(),
        "precision": keras.config.dtype_policy().name,
        "versions": f"keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}",
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()

"""The Keras side of ``against_keras.py``: source A's CNN in Keras 3 on TensorFlow, as its documentation would have it.

    python keras_cnn.py IMAGES.npz EPOCHS SEED

``IMAGES.npz`` holds uint8 ``train_images`` and ``validation_images`` (N, height, width, 1) and their labels. All is
left at Keras' defaults but what the workload says: fp32, oneDNN on, validation in batches as large as in training.
The last line printed is JSON; its accuracy is that of the epoch with the lowest validation loss, which is also how
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
    head = [layers.Flatten(), layers.Dense(30, activation="relu"), layers.Dense(classes, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *blocks, *head])


def main() -> None:
    path, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with np.load(path) as images:
        train, validation = (
            (images[f"{part}_images"].astype(np.float32) / 255, images[f"{part}_labels"])
            for part in ("train", "validation")
        )
    keras.utils.set_random_seed(seed)
    model = network(int(train[1].max()) + 1)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*train, batch_size=BATCH_SIZE, epochs=epochs, validation_data=validation, verbose=0).history
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

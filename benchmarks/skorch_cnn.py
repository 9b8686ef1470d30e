"""The skorch side of ``against_peers.py``: ``NeuralNetClassifier`` as its documentation would have it.

    python skorch_cnn.py IMAGES.npz EPOCHS SEED

``IMAGES.npz`` as for ``keras_cnn.py``. The last line printed is JSON.
"""

from __future__ import annotations

import json
import sys

import skorch
import torch
from skorch import NeuralNetClassifier
from skorch.helper import predefined_split
from torch import nn

from torch_network import BATCH_SIZE, LEARNING_RATE, network, outcome, parts


def main() -> None:
    path, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    train, validation = parts(path)
    classifier = NeuralNetClassifier(
        network(int(train.tensors[1].max()) + 1),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=predefined_split(validation),
        verbose=0,
    )
    classifier.fit(train, None)
    losses, accuracies = classifier.history[:, "valid_loss"], classifier.history[:, "valid_acc"]
    found = outcome(train, validation, classifier.module_, losses, [float(each) for each in accuracies])
    print(json.dumps({**found, "versions": f"skorch {skorch.__version__}, torch {torch.__version__}"}))


if __name__ == "__main__":
    main()

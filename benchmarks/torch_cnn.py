"""The plain torch side of ``against_peers.py``: the training loop of torch's own tutorials, with a DataLoader.

    python torch_cnn.py IMAGES.npz EPOCHS SEED

``IMAGES.npz`` as for ``keras_cnn.py``. All is left at torch's defaults but what the workload says; images are
converted to floats once, before the first epoch. The last line printed is JSON.
"""

from __future__ import annotations

import json
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader

from torch_network import BATCH_SIZE, LEARNING_RATE, network, outcome, parts


def main() -> None:
    path, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    train, validation = parts(path)
    model = network(int(train.tensors[1].max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    loss_of = nn.CrossEntropyLoss()
    training_batches = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)
    validation_batches = DataLoader(validation, batch_size=BATCH_SIZE)
    losses, accuracies = [], []
    for _ in range(epochs):
        model.train()
        for images, labels in training_batches:
            optimizer.zero_grad()
            loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()
        model.eval()
        loss_sum, correct = 0.0, 0
        with torch.no_grad():
            for images, labels in validation_batches:
                outputs = model(images)
                loss_sum += loss_of(outputs, labels).item() * len(labels)
                correct += (outputs.argmax(1) == labels).sum().item()
        losses.append(loss_sum / len(validation))
        accuracies.append(correct / len(validation))
    found = outcome(train, validation, model, losses, accuracies)
    print(json.dumps({**found, "versions": f"torch {torch.__version__}"}))


if __name__ == "__main__":
    main()

"""Optimizer records as torch optimizers, fused into one kernel where torch can."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from fittingroom.spec import train as spec


def build_optimizer(optimizer: spec.Optimizer, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer for these weights; hyper-parameters have Keras' meaning, departures are told in ``spec.train``."""
    weights, rate = list(parameters), optimizer.learning_rate
    match optimizer:
        case spec.Sgd():
            return torch.optim.SGD(weights, rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov, fused=True)
        case spec.Adam():
            betas = (optimizer.beta_1, optimizer.beta_2)
            return torch.optim.Adam(weights, rate, betas, optimizer.epsilon, fused=True)
        case spec.AdamW():
            betas = (optimizer.beta_1, optimizer.beta_2)
            return torch.optim.AdamW(weights, rate, betas, optimizer.epsilon, optimizer.weight_decay, fused=True)
        case spec.Adadelta():
            return torch.optim.Adadelta(weights, rate, optimizer.rho, optimizer.epsilon, foreach=True)
        case spec.RmsProp():
            return torch.optim.RMSprop(
                weights, rate, optimizer.rho, optimizer.epsilon, momentum=optimizer.momentum, foreach=True
            )

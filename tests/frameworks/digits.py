"""What the trainings here share: the handwritten digits of scikit-learn, and a network for them with its faults."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset

FAULTS = ("lr-too-high", "double-softmax", "graph-detached", "params-not-in-optimizer", "eval-mode-in-training")


def fault_asked_for() -> str | None:
    """The fault that the command line asks for; none for a training that is well."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", choices=FAULTS)
    return parser.parse_args().fault


def digits() -> TensorDataset:
    """1,797 pictures of 8 x 8 points, with the digit that each shows."""
    pictures, labels = load_digits(return_X_y=True)
    inputs = torch.tensor(pictures, dtype=torch.float32)
    return TensorDataset((inputs - inputs.mean()) / inputs.std(), torch.tensor(labels))


class Net(nn.Module):
    """One hidden layer with everything that has two modes, and a head."""

    def __init__(self, fault: str | None) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Linear(64, 10)
        self.fault = fault

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        hidden = self.body(pictures)
        if self.fault == "graph-detached":
            hidden = hidden.detach()  # here: graph-detached
        scores = self.head(hidden)
        if self.fault == "double-softmax":
            scores = scores.softmax(dim=1)  # here: double-softmax
        return scores


def tell(parameters: Iterable[torch.Tensor]) -> None:
    """Print what the training has come to, bit for bit."""
    digest = hashlib.sha256()
    for parameter in parameters:
        digest.update(parameter.detach().numpy().tobytes())
    sys.stdout.write(f"weights {digest.hexdigest()}\n")  # at once: other processes print too

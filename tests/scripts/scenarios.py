"""Runs scenarios one after another, each from the same seeds, and prints a hash of all that each leaves behind."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

SCENARIOS: dict[str, Callable[[], Any]] = {}


def scenario(function: Callable[[], Any]) -> Callable[[], Any]:
    """Add a function to the scenarios; what it returns is hashed."""
    SCENARIOS[function.__name__] = function
    return function


def digest(*things: Any) -> str:
    """A hash of the bits of tensors, models, optimizers, and whatever holds them."""
    state = hashlib.sha256()
    _feed(state, things)
    return state.hexdigest()[:16]


def _feed(state: Any, thing: Any) -> None:
    if isinstance(thing, torch.Tensor):
        tensor = thing.detach()
        if tensor.layout is torch.sparse_coo:
            tensor = tensor.to_dense()
        state.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        if tensor.device.type != "meta":
            state.update(tensor.resolve_conj().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(thing, (nn.Module, torch.optim.Optimizer)):
        _feed(state, [thing.state_dict(), getattr(thing, "training", None)])
        if isinstance(thing, nn.Module):
            _feed(state, [parameter.grad for parameter in thing.parameters()])
    elif isinstance(thing, dict):
        _feed(state, list(thing.items()))
    elif isinstance(thing, (list, tuple)):
        state.update(f"{type(thing).__name__} {len(thing)}".encode())
        for each in thing:
            _feed(state, each)
    elif isinstance(thing, np.ndarray):
        state.update(thing.tobytes())
    else:
        state.update(repr(thing).encode())


def random_states() -> str:
    """A hash of the states of the three generators that trainings draw from."""
    return digest(torch.get_rng_state(), np.random.get_state(), random.getstate())


def main() -> None:
    """Run all scenarios, or those named as arguments."""
    torch.set_num_threads(1)  # a forked child may wait for ever on a pool of threads
    for name, function in SCENARIOS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        try:
            left = function()
        except Exception as error:
            print(name, "FAILED", type(error).__name__, error, flush=True)
        else:
            print(name, digest(left), random_states(), flush=True)


def table(examples: int = 32, columns: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """A small regression: inputs and targets of one column."""
    inputs = torch.randn(examples, columns)
    return inputs, inputs[:, :1].sin() + inputs[:, 1:2]


def mlp(columns: int = 6, outputs: int = 1) -> nn.Sequential:
    """A small network of two layers."""
    return nn.Sequential(nn.Linear(columns, 8), nn.ReLU(), nn.Linear(8, outputs))


def fit(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 6, loss: Any = None) -> list[float]:
    """Train on one batch by the usual five lines."""
    inputs, targets = table()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = (loss or nn.functional.mse_loss)(model(inputs), targets)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses

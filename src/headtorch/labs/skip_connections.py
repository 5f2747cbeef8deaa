"""x + f(x): with a way around each block, a network of 152 layers trains; without it, depth itself is the fault.

A plain stack hands everything through every layer, and each of them changes its size and direction a little: after many
the gradient is of a quite different size at each layer. A residual block adds what it computes to what it was given, so
signal and gradient have a way around it on which nothing is multiplied. A block that puts out 0 then changes nothing,
and depth can be added without care. The layers, the normalisation (each unit brought to mean 0 and spread 1, see the
next lab) and the number of weights are the same: only the addition differs.

Question: A layer here is a batch norm, a ReLU and a dense layer; 2, 10, 20, 56 or 152 of them are stacked. At which
depth does the plain stack stop learning?

Answer: With ten layers it still learns, but more slowly. At 20 it falls behind, at 56 and 152 it stays near a guess,
though each layer is normalised; the residual one hardly notices its depth.

Sources: He, Zhang, Ren, Sun (2016), Deep residual learning for image recognition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Band, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import digits

PLACE = 12
SHOWN = ("depth=10", "depth=20", "depth=56")
RULES = ("no-skip-too-deep", "vanishing-gradients", "exploding-gradients")
WIDTH = 32


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    depth: int = knob(20, "layers", 2, 152)
    steps: int = knob(60, "steps of training", 20, 300)
    rate: float = knob(0.003, "the learning rate of Adam", 1e-4, 0.1, log=True)
    seed: int = knob(0, "the weights and the order of the digits", 0, 99)


class Stack(nn.Module):
    """Blocks of a norm, a ReLU and a dense layer, plain or with a way around each."""

    def __init__(self, depth: int, residual: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, WIDTH), nn.Linear(WIDTH, 10)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)) for _ in range(depth - 2)
        )
        self.residual = residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of ten digits."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x) if self.residual else block(x)
        scores: torch.Tensor = self.last(torch.relu(x))
        return scores


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Train the plain and the residual stack in turns, and show both losses."""
    x, y = digits()
    kinds = {"plain": False, "residual": True}
    losses: dict[str, list[float]] = {kind: [] for kind in kinds}
    numbers: dict[str, float | str] = {}
    models = {}
    for kind, residual in kinds.items():
        torch.manual_seed(knobs.seed)
        models[kind] = Stack(knobs.depth, residual)
    optimizers = {kind: torch.optim.Adam(model.parameters(), lr=knobs.rate) for kind, model in models.items()}
    for step in range(1, knobs.steps + 1):
        batch = torch.randint(len(x), (64,))
        for kind, model in models.items():
            output = model(x[batch])
            loss = nn.functional.cross_entropy(output, y[batch])
            optimizers[kind].zero_grad()
            loss.backward()
            optimizers[kind].step()
            losses[kind].append(loss.item())
            if step == 1:
                numbers[f"gradient at the first layer divided by the last, {kind}"] = ratio(model)
        if step % 5 == 0 or step == knobs.steps:
            for kind, each in losses.items():
                numbers[f"loss, {kind}"] = sum(each[-5:]) / 5
            at = tuple(range(1, step + 1))
            curves = tuple(Series(kind, at, tuple(each)) for kind, each in losses.items())
            guess = (Band("a guess", 2.303, 2.303),)
            chart = Chart(f"{knobs.depth} layers", Axis("step", low=1, high=knobs.steps), Axis("loss"), curves, guess)
            yield Frame((chart,), dict(numbers), step / knobs.steps)
    with torch.no_grad():  # as in training, by the batch: the running means of so few steps are not to be judged here
        for kind, model in models.items():
            numbers[f"accuracy, {kind}"] = float((model(x).argmax(dim=1) == y).float().mean())
    yield Frame((chart,), numbers)


def ratio(model: Stack) -> float:
    """The gradient of the first layer by that of the last."""
    assert model.first.weight.grad is not None and model.last.weight.grad is not None
    return float(model.first.weight.grad.norm() / model.last.weight.grad.norm())


CLAIMS = (
    Claim("At 10 layers the plain stack learns too: accuracy", "plain 10", at_least=0.85),
    Claim("At 56 layers it no longer does: accuracy", "plain 56", at_most=0.6),
    Claim("The residual one with 10 layers: accuracy", "residual 10", at_least=0.9),
    Claim("The residual one with 56: accuracy", "residual 56", at_least=0.9),
    Claim("The residual one with 152: accuracy", "residual 152", at_least=0.9),
    Claim("The plain one with 152: accuracy", "plain 152", at_most=0.5),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """Accuracies by depth."""
    found: dict[str, float] = {}
    for depth in (10, 56, 152):
        steps = 150 if full else 80 if depth == 10 else 50
        numbers = final(frames(Knobs(depth, steps, seed=seed))).numbers
        found |= {f"{kind} {depth}": float(numbers[f"accuracy, {kind}"]) for kind in ("plain", "residual")}
    return found

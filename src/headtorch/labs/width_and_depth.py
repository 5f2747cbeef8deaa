"""The same number of weights, wide or deep: what each is good for.

Width gives more units that look at the same thing, depth gives units that look at the outputs of others. A sheet that
is folded again has twice as many creases with each fold, and so has a curve that goes through one more layer; one
hidden layer needs a unit for every crease. So depth pays where the answer is built in stages; but the more layers, the
harder it is to train them (labs 9 to 12). Where there are no stages to find, as in telling scanned digits apart, the
wide network is as good and easier to train.

Question: About 1,200 weights: one hidden layer of 400, or four of 19? Which follows a wave with ten turns sooner? And
of about 3,000 weights on the digits (`task` digits), which is ahead after the same number of steps?

Answer: On the wave the deep one misses far less: the wide one has units enough, but does not find their places in as
many steps. On the digits the wide one is at least as good, and a chain of 24 thin layers stays well behind it.

Sources: Telgarsky (2016), Benefits of depth in neural networks; Montúfar, Pascanu, Cho, Bengio (2014), On the number
of linear regions of deep neural networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import digits

PLACE = 4
SHOWN = ("task=wave&steps=2000", "task=digits&weights=3000&layers=24&steps=300")
RULES = ("capacity-too-small", "no-skip-too-deep")


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    task: str = knob("wave", "a wave with many turns, or the digits", choices=("wave", "digits"))
    layers: int = knob(4, "hidden layers; their width is what the weights allow", 1, 24)
    weights: int = knob(1200, "weights in all, about", 300, 6000)
    steps: int = knob(400, "steps of training", 50, 2000)
    seed: int = knob(0, "where the weights start", 0, 99)


def width(inputs: int, outputs: int, layers: int, weights: int) -> int:
    """The width at which `layers` hidden layers have about so many weights and biases."""
    across = inputs + outputs + layers
    if layers == 1:
        return max(1, weights // across)
    return max(1, round((-across + math.sqrt(across**2 + 4 * (layers - 1) * weights)) / (2 * (layers - 1))))


def network(inputs: int, outputs: int, layers: int, weights: int) -> nn.Sequential:
    """Hidden layers of ReLUs, started for them (He), and a linear output."""
    wide = width(inputs, outputs, layers, weights)
    parts: list[nn.Module] = []
    for number in range(layers):
        linear = nn.Linear(wide if number else inputs, wide)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(wide, outputs))


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Train the network with so many layers beside the one with a single one."""
    losses: dict[str, list[float]] = {}
    numbers: dict[str, float | str] = {}
    shapes = {f"{layers} hidden": layers for layers in (1, knobs.layers)}
    for number, (name, layers) in enumerate(shapes.items()):
        losses[name] = []
        for model, loss, score in trained(knobs, layers):
            losses[name].append(loss)
            numbers[f"weights, {name}"] = sum(each.numel() for each in model.parameters())
            numbers[f"{'error' if knobs.task == 'wave' else 'accuracy'}, {name}"] = score
            if len(losses[name]) % 10 == 0:
                curves = tuple(
                    Series(each, steps_of(each_loss), tuple(each_loss)) for each, each_loss in losses.items()
                )
                chart = Chart(f"loss on the {knobs.task}", Axis("step"), Axis("loss", log=True), curves)
                yield Frame((chart,), dict(numbers), (number + len(losses[name]) * 10 / knobs.steps) / len(shapes))


def steps_of(losses: list[float]) -> tuple[float, ...]:
    """The steps at which losses were taken: every tenth."""
    return tuple(10.0 * number for number in range(1, len(losses) + 1))


def trained(knobs: Knobs, layers: int) -> Iterator[tuple[nn.Sequential, float, float]]:
    """The network, the loss and the score, every ten steps."""
    torch.manual_seed(knobs.seed)
    if knobs.task == "wave":
        x = torch.linspace(-1, 1, 200).unsqueeze(1)
        y = torch.sin(15 * x)
    else:
        x, y = (each[::4] for each in digits())
    model = network(x.shape[1], 1 if knobs.task == "wave" else 10, layers, knobs.weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for step in range(1, knobs.steps + 1):
        output = model(x)
        loss = nn.functional.mse_loss(output, y) if knobs.task == "wave" else nn.functional.cross_entropy(output, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            right = float((output.argmax(dim=1) == y).float().mean()) if knobs.task == "digits" else 0.0
            yield model, loss.item(), math.sqrt(loss.item()) if knobs.task == "wave" else right


CLAIMS = (
    Claim("On the wave the error of four layers, divided by that of one with as many weights", "wave", at_most=0.8),
    Claim("On the digits one layer is right on, as a share", "digits wide", at_least=0.95),
    Claim("On the digits the accuracy of one layer less that of four", "digits", at_least=-0.02),
    Claim(
        "The accuracy of one layer less that of 24 thin ones with as many weights", "digits very deep", at_least=0.05
    ),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """Wide and deep on both tasks."""
    wave = final(frames(Knobs("wave", 4, steps=2000 if full else 1200, seed=seed))).numbers
    picture = final(frames(Knobs("digits", 4, 3000, 300 if full else 100, seed))).numbers
    chain = final(frames(Knobs("digits", 24, 3000, 300 if full else 100, seed))).numbers
    return {
        "wave": float(wave["error, 4 hidden"]) / float(wave["error, 1 hidden"]),
        "digits wide": float(picture["accuracy, 1 hidden"]),
        "digits": float(picture["accuracy, 1 hidden"]) - float(picture["accuracy, 4 hidden"]),
        "digits very deep": float(chain["accuracy, 1 hidden"]) - float(chain["accuracy, 24 hidden"]),
    }

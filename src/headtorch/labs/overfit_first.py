"""Before anything else: can the network learn three examples by heart? A minute that saves hours.

A network that works can drive the loss on three examples to zero, in a second. One that cannot has a fault that no
data and no patience will cure: a wrong output, a dead layer, a gradient that does not arrive, an optimizer with the
wrong weights. What cannot be seen this way are faults of the data: three wrong labels are learned as easily as right
ones. Learn three by heart first, then all, and worry about new ones last.

Question: Six networks, one of them sound (`none`). The others have a dead layer (`dead`), steps uphill (`sign`), an
optimizer that holds another network's weights (`optimizer`), softmax twice (`softmax`), or random labels (`labels`).
Which of these five faults show in the loss on three examples?

Answer: Four, for none of these comes near 0. Uphill the loss grows beyond all numbers; with another network's weights
in the optimizer it stays at its start, 2.3; with a dead layer (its ReLUs always give 0, so no gradient passes) only the
last bias learns, how frequent each digit is, and it stops at 1.1 if the three digits differ, at 0.64 if two are alike;
two softmaxes stop at 1.46, for the second sees numbers from 0 to 1 only. The fifth, shuffled labels (`fault` labels),
passes the test: it says nothing of the data.

Sources: Karpathy (2019), A recipe for training neural networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Band, Chart, Series
from headtorch.labs.kit import Claim, Frame, knob
from headtorch.labs.kit.data import digits

PLACE = 14
RULES = (
    "dead-relu",
    "params-not-in-optimizer",
    "double-softmax",
    "update-sign-flipped",
    "no-optimizer-step",
    "labels-misaligned",
)
SHOWN = tuple(f"fault={name}" for name in ("dead", "sign", "optimizer", "softmax", "labels"))
SAYS = {"fault=dead": "dead-relu", "fault=sign": "update-sign-flipped", "fault=softmax": "double-softmax"}
FAULTS = ("none", "dead", "sign", "optimizer", "softmax", "labels")


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    fault: str = knob(
        "none", "a dead layer, uphill steps, another network's weights, two softmaxes, shuffled labels", choices=FAULTS
    )
    examples: int = knob(3, "digits to learn by heart", 1, 100)
    steps: int = knob(150, "steps", 20, 500)
    seed: int = knob(0, "the weights and the digits", 0, 99)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Learn a few digits by heart; the sound network beside the broken one."""
    curves: dict[str, list[float]] = {}
    numbers: dict[str, float | str] = {}
    names = ("none",) if knobs.fault == "none" else ("none", knobs.fault)
    for number, fault in enumerate(names):
        curves[fault] = []
        for step, (loss, right) in enumerate(learned(fault, knobs), 1):
            curves[fault].append(loss)
            numbers[f"loss, {fault}"], numbers[f"by heart, {fault}"] = loss, right
            if step % 50 == 0 or step == knobs.steps:
                series = tuple(
                    Series(name, tuple(range(1, len(each) + 1)), tuple(each)) for name, each in curves.items()
                )
                axes = Axis("step", low=1, high=knobs.steps), Axis("loss", high=4)
                chart = Chart(f"{knobs.examples} digits by heart", *axes, series, (Band("a guess", 2.303, 2.303),))
                yield Frame((chart,), dict(numbers), (number + step / knobs.steps) / len(names))


def learned(fault: str, knobs: Knobs) -> Iterator[tuple[float, float]]:
    """The loss and the share that is known by heart, step by step."""
    torch.manual_seed(knobs.seed)
    x, y = digits()
    chosen = torch.randperm(len(x))[: knobs.examples]
    x, y = x[chosen], y[chosen]
    if fault == "labels":
        y = torch.randint(10, y.shape)
    hidden = nn.Linear(64, 32)
    model = nn.Sequential(hidden, nn.ReLU(), nn.Linear(32, 10))
    if fault == "dead":
        nn.init.constant_(hidden.bias, -20.0)
    trained = nn.Linear(64, 32) if fault == "optimizer" else model
    optimizer = torch.optim.SGD(trained.parameters(), lr=0.5, maximize=fault == "sign")
    for _ in range(knobs.steps):
        output = model(x)
        if fault == "softmax":  # cross_entropy applies one itself
            output = torch.softmax(output, dim=1)
        loss = nn.functional.cross_entropy(output, y)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item(), float((output.argmax(dim=1) == y).float().mean())


CLAIMS = (
    Claim("The sound network knows three digits by heart: loss", "none", at_most=0.05),
    Claim("A dead layer: loss", "dead", at_least=0.3),
    Claim("Steps uphill: loss, the last that is a number", "sign", at_least=2.3),
    Claim("The optimizer has another network's weights: loss", "optimizer", at_least=1.5),
    Claim("Two softmaxes: loss, which cannot fall below 1.46", "softmax", at_least=1.46),
    Claim("Wrong labels pass: loss", "labels", at_most=0.05),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The loss on three digits in the end, by fault."""
    knobs = Knobs(steps=400 if full else 150, seed=seed)
    losses = {fault: [loss for loss, _ in learned(fault, knobs) if math.isfinite(loss)] for fault in FAULTS}
    return {fault: each[-1] for fault, each in losses.items()}  # uphill, it ends beyond all numbers

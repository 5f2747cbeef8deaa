"""The last layer must be able to say the answer: litres of coffee, a three or not, one of ten digits.

What comes out of a network can only lie where its last operation puts it. A linear layer reaches every number, a
sigmoid the numbers between 0 and 1, a softmax (e^x of each, divided by their sum) shares of one whole that add up to 1.
Litres need a linear layer; the probability of yes against no needs a sigmoid; one of ten classes needs a softmax. A
loss is a formula made for one kind of output: fed with another kind it can fall while the answers get no better.

Question: An office needs up to 6 litres of coffee an hour. How close to 6 can a network with a sigmoid at its end come,
however long it trains? Try `task=coffee` with each `output`.

Answer: It says 1 nearly all day: where 6 litres are needed it misses by 5. Ten sigmoids for ten digits fail more slyly:
asked only for the right digit they all say yes, the loss goes to 0 and the accuracy stays near a guess. Raw scores in
place of probabilities let the loss fall without end.

Sources: Goodfellow, Bengio, Courville (2016), Deep Learning, 6.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Figure, Series
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import coffee, digits

PLACE = 2
RULES = ("output-activation-range", "missing-output-activation", "double-softmax", "loss-target-mismatch")
SHOWN = ("task=coffee&output=sigmoid", "task=coffee&output=linear", "task=digits&output=sigmoid")
SAYS = {
    "task=coffee&output=sigmoid": "output-activation-range",
    "task=digits&output=linear": "missing-output-activation",
}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    task: str = knob(
        "coffee", "litres over the day, is it a three, or which digit", choices=("coffee", "three", "digits")
    )
    output: str = knob("sigmoid", "the last operation", choices=("linear", "sigmoid", "softmax"))
    steps: int = knob(300, "steps of training", 50, 800)
    seed: int = knob(0, "where the weights start", 0, 99)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """Train with the chosen output, and show what it says."""
    torch.manual_seed(knobs.seed)
    if knobs.task == "coffee":
        hours, y = coffee()
        x = (hours - 13) / 2
    else:
        x, y = (each[::6] for each in digits())
        y = (y == 3).float().unsqueeze(1) if knobs.task == "three" else y
    hidden = nn.Sequential(nn.Linear(x.shape[1], 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
    model = nn.Sequential(hidden, nn.Linear(32, 10 if knobs.task == "digits" else 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02 if knobs.task == "coffee" else 0.01)
    losses = []
    for step in range(1, knobs.steps + 1):
        said = model(x)
        if knobs.output == "sigmoid":
            said = torch.sigmoid(said)
        elif knobs.output == "softmax":
            said = torch.softmax(said, dim=1)
        if knobs.task == "coffee":
            loss = nn.functional.mse_loss(said, y)
        elif knobs.task == "three":  # the cross entropy of a probability, which the loss takes `said` for
            loss = nn.functional.binary_cross_entropy(said.clamp(1e-6, 1 - 1e-6), y)
        else:
            loss = nn.functional.nll_loss(said if knobs.output == "linear" else torch.log(said), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 100 == 0 or step == knobs.steps:
            answer = said.detach()
            yield Frame(_figures(knobs, losses, answer), numbers(knobs, losses, answer, y), step / knobs.steps)


def _figures(knobs: Knobs, losses: list[float], said: torch.Tensor) -> tuple[Figure, ...]:
    if knobs.task != "coffee":
        curve = Series("loss", tuple(range(1, len(losses) + 1)), tuple(losses))
        return (Chart(f"{knobs.task}, {knobs.output} output", Axis("step"), Axis("loss"), (curve,)),)
    hours, litres = coffee()
    at = tuple(hours.flatten().tolist())
    wanted = Series("needed", at, tuple(litres.flatten().tolist()), dots=True)
    given = Series("said", at, tuple(said.flatten().tolist()))
    axes = Axis("hour of the day", low=6, high=20), Axis("litres of coffee")
    return (Chart(f"coffee, {knobs.output} output", *axes, (wanted, given)),)


def numbers(knobs: Knobs, losses: list[float], said: torch.Tensor, y: torch.Tensor) -> dict[str, float | str]:
    """What the output is worth for its task."""
    told: dict[str, float | str] = {"loss": losses[-1], "largest output": float(said.max())}
    if knobs.task == "coffee":
        told["error in litres"] = float((said - y).square().mean().sqrt())
    elif knobs.task == "three":  # each answer counts half, so that a constant one is right half of the time
        right = (said > 0.5) == (y > 0.5)
        told["accuracy"] = float((right[y > 0.5].float().mean() + right[y < 0.5].float().mean()) / 2)
    else:
        told["accuracy"] = float((said.argmax(dim=1) == y).float().mean())
        told["all outputs together"] = float(said.sum(dim=1).mean())
    return told


CLAIMS = (
    Claim("A sigmoid never reaches beyond 1 litre of 6: its largest output", "sigmoid peak", at_most=1.0),
    Claim("A linear layer misses the litres needed by, at most", "linear error", at_most=0.6),
    Claim("The error of the sigmoid, divided by that of the linear layer", "sigmoid by linear", at_least=3),
    Claim("A three or not, sigmoid: accuracy (a constant answer has 0.5)", "three sigmoid", at_least=0.97),
    Claim("A three or not, softmax over the one output, which is always 1: accuracy", "three softmax", 0.5, 0.5),
    Claim("Ten digits, softmax: accuracy", "digits softmax", at_least=0.97),
    Claim("Ten digits, sigmoids that are asked for the right one only: loss", "digits sigmoid loss", at_most=0.05),
    Claim("They all say yes: of ten outputs their sum", "digits sigmoid sum", at_least=9),
    Claim("So they are right on as many as a guess: accuracy", "digits sigmoid accuracy", at_most=0.3),
    Claim("Ten digits, raw scores as if they were log-probabilities: loss", "digits linear loss", at_most=-10),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """Each task with its right and its wrong outputs."""
    steps = 800 if full else 250

    def told(task: str, output: str, number: str) -> float:
        return float(final(frames(Knobs(task, output, steps, seed))).numbers[number])

    linear, sigmoid = told("coffee", "linear", "error in litres"), told("coffee", "sigmoid", "error in litres")
    return {
        "sigmoid peak": told("coffee", "sigmoid", "largest output"),
        "linear error": linear,
        "sigmoid by linear": sigmoid / linear,
        "three sigmoid": told("three", "sigmoid", "accuracy"),
        "three softmax": told("three", "softmax", "accuracy"),
        "digits softmax": told("digits", "softmax", "accuracy"),
        "digits sigmoid loss": told("digits", "sigmoid", "loss"),
        "digits sigmoid sum": told("digits", "sigmoid", "all outputs together"),
        "digits sigmoid accuracy": told("digits", "sigmoid", "accuracy"),
        "digits linear loss": told("digits", "linear", "loss"),
    }

"""Convolution, convolution, pool, and twice the channels: why one need not invent a network, and which knobs matter.

Most networks for pictures repeat one block: two convolutions, then a pool, which keeps the largest of each 2 × 2 places
and so halves the picture, while the number of channels, the kernels that look at each place, doubles. What is lost in
places is gained in kinds of things that are told apart, and the work of each block stays about the same. How wide the
blocks are hardly matters, and neither does one more of them. The learning rate does: it is the knob to turn first, by
factors.

Question: Turn the learning rate up and down by 30, the width and the batch by 4, the number of blocks by one. Which
changes the accuracy on new digits most?

Answer: The learning rate, by far: at thirty times the good rate the network only guesses, at a thirtieth it is still
far behind. The others change it by a fifth of that or less, once the training is long enough (`steps` 200).

Sources: Simonyan, Zisserman (2015), Very deep convolutional networks; Bengio (2012), Practical recommendations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Series, Table
from headtorch.labs.kit import Claim, Frame, final, knob
from headtorch.labs.kit.data import digits

PLACE = 16
SHOWN = ("steps=200",)
RULES = ("lr-too-high", "lr-too-low", "capacity-too-small")


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    rate: float = knob(0.01, "the learning rate of Adam", 1e-5, 1, log=True)
    width: int = knob(8, "channels of the first block", 1, 32)
    blocks: int = knob(2, "blocks", 1, 3)
    batch: int = knob(64, "digits in a batch", 4, 256)
    channels: str = knob("double", "the channels from block to block", choices=("double", "same", "halve"))
    steps: int = knob(60, "steps of training", 20, 300)
    seed: int = knob(0, "the weights and the order of the digits", 0, 99)


def network(knobs: Knobs) -> nn.Sequential:
    """Blocks, then a dense layer over what is left of the 8 × 8 places."""
    parts: list[nn.Module] = []
    before, size = 1, 8
    for number in range(knobs.blocks):
        factor = {"double": 2.0, "same": 1.0, "halve": 0.5}[knobs.channels] ** number
        channels = max(1, round(knobs.width * factor))
        for inputs in (before, channels):
            parts += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
        parts.append(nn.MaxPool2d(2))
        before, size = channels, size // 2
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(before * size * size, 10))


def trained(knobs: Knobs) -> Iterator[tuple[list[float], float, int]]:
    """The losses so far, the accuracy on new digits and the number of weights, every 20 steps."""
    torch.manual_seed(knobs.seed)
    x, y = digits()
    x = x.view(-1, 1, 8, 8) - 0.3
    x, y, x_new, y_new = x[:1300], y[:1300], x[1300:], y[1300:]
    model = network(knobs)
    weights = sum(each.numel() for each in model.parameters())
    optimizer = torch.optim.Adam(model.parameters(), lr=knobs.rate)
    losses: list[float] = []
    for step in range(1, knobs.steps + 1):
        batch = torch.randint(len(x), (knobs.batch,))
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 0 or step == knobs.steps:
            with torch.no_grad():
                yield losses, float((model(x_new).argmax(dim=1) == y_new).float().mean()), weights


def frames(knobs: Knobs) -> Iterator[Frame]:
    """The training, then what each knob does to it."""
    numbers: dict[str, float | str] = {}
    for losses, right, weights in trained(knobs):
        numbers = {"weights": weights, "accuracy on new digits": right}
        curve = Series("loss", tuple(range(1, len(losses) + 1)), tuple(losses))
        chart = Chart(f"{knobs.blocks} blocks", Axis("step", low=1, high=knobs.steps), Axis("loss"), (curve,))
        yield Frame((chart,), dict(numbers), 0.2 * len(losses) / knobs.steps)
    rows: list[tuple[str, ...]] = []
    ways = turns(knobs)
    for number, (name, settings) in enumerate(ways.items(), 1):
        reached = [right, *(score(each) for each in settings)]
        spread = max(reached) - min(reached)
        numbers[f"spread of the accuracy over {name}"] = spread
        tried = ", ".join(
            f"{_short(getattr(each, name))}: {share:.3f}" for each, share in zip(settings, reached[1:], strict=True)
        )
        rows.append((name, tried, f"{spread:.3f}"))
        table = Table("one knob turned at a time", ("knob", "accuracy on new digits", "spread"), tuple(rows))
        yield Frame((chart, table), dict(numbers), 0.2 + 0.8 * number / len(ways))


def _short(setting: float | str) -> str:
    return setting if isinstance(setting, str) else f"{setting:.2g}"


def turns(knobs: Knobs) -> dict[str, tuple[Knobs, Knobs]]:
    """Each knob down and up, by 30 the rate, by 4 what is counted."""
    return {
        "rate": (replace(knobs, rate=knobs.rate / 30), replace(knobs, rate=knobs.rate * 30)),
        "width": (replace(knobs, width=max(1, knobs.width // 4)), replace(knobs, width=knobs.width * 4)),
        "blocks": (replace(knobs, blocks=1), replace(knobs, blocks=3)),
        "batch": (replace(knobs, batch=knobs.batch // 4), replace(knobs, batch=knobs.batch * 4)),
        "channels": (replace(knobs, channels="same"), replace(knobs, channels="halve")),
    }


def score(knobs: Knobs) -> float:
    """The accuracy on new digits after the training."""
    *_, (_, right, _) = trained(knobs)
    return right


CLAIMS = (
    Claim("Two blocks that double their channels: accuracy on new digits", "base", at_least=0.85),
    Claim("Spread of the accuracy over rates from a thirtieth to thirty times", "rate", at_least=0.4),
    Claim("Spread over a quarter to four times the width, divided by that of the rate", "width by rate", at_most=0.5),
    Claim("Spread over one to three blocks, divided by that of the rate", "blocks by rate", at_most=0.5),
    Claim(
        "Spread over channels that double, stay and halve, divided by that of the rate", "channels by rate", at_most=0.5
    ),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The sensitivity to each knob."""
    numbers = final(frames(Knobs(steps=200 if full else 100, seed=seed))).numbers
    spread = {name: float(numbers[f"spread of the accuracy over {name}"]) for name in turns(Knobs())}
    found = {f"{name} by rate": spread[name] / spread["rate"] for name in ("width", "blocks", "channels")}
    return {"base": float(numbers["accuracy on new digits"]), "rate": spread["rate"], **found}

"""The walker in the dark: five ways to walk downhill, on a valley, a saddle, a cliff and a range of hills.

Gradient descent (SGD) feels the slope under its feet and makes a step downhill, no more. Momentum keeps walking in the
direction of before, which crosses flat ground and cancels zigzags. RMSprop divides each coordinate's step by the size
of its recent slopes, and Adam does both: steep and flat directions are then walked at one pace. With a noisy slope no
fixed stride can come to rest, so the stride is made shorter with time, which is called decay; without noise decay only
costs time.

Question: In the valley the walls are curved a hundred times as strongly as the floor: the height is x² / 2 + 50 y². How
long may the stride of plain SGD be, and how much of the floor does it walk with that in 100 steps?

Answer: Below 2 / 100 or it overshoots further with each step; so it creeps along the floor: at 0.0195 it has walked
about six sevenths of it after 100 steps, and what Adam has still to walk is a twentieth of the rest. A saddle, flat in
its middle, down on two sides and up on two, holds SGD for long; momentum leaves it sooner, Adam much sooner, RMSprop
after a few steps. On the wall of a cliff the steep slope throws SGD far away; a step that is divided by the slope stays
small.

Sources: Polyak (1964), Some methods of speeding up the convergence of iteration methods; Kingma, Ba (2015), Adam;
Goodfellow, Bengio, Courville (2016), Deep Learning, 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch

from headtorch.figures import Axis, Chart, Picture, Series
from headtorch.labs.kit import Claim, Frame, knob, rows

PLACE = 8
SHOWN = ("ground=valley", "ground=saddle", "ground=cliff")
RULES = ("lr-too-high", "momentum-too-high", "lr-schedule-kills", "exploding-gradients")
WALKERS = ("SGD", "momentum", "RMSprop", "Adam", "decay")
STARTS = {"valley": (-0.8, 0.6), "saddle": (0.7, 1e-4), "cliff": (-0.3, 0.05), "hills": (-0.9, 0.8)}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    ground: str = knob("valley", "where to walk", choices=tuple(STARTS))
    walker: str = knob("SGD", "whose path is drawn", choices=WALKERS)
    rate: float = knob(0.015, "length of the stride", 1e-3, 1, log=True)
    noise: float = knob(0.0, "how much the slope is felt wrongly", 0, 10)
    steps: int = knob(100, "steps", 10, 500)
    seed: int = knob(0, "the noise", 0, 99)


def height(ground: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """How high the ground is; the map goes from -1 to 1."""
    if ground == "valley":
        return 0.5 * x**2 + 50 * y**2
    if ground == "saddle":
        return 0.5 * (x**2 - y**2) + 0.25 * y**4
    if ground == "cliff":  # a gentle slope that ends at a wall
        return 0.1 * (x - 0.2) ** 2 + 0.02 * torch.exp(30 * (-x - 0.1)) + 0.5 * y**2
    return 0.4 * (x**2 + y**2) + 0.25 * torch.sin(5 * x) * torch.cos(4 * y)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """The map with the path of one walker, and how high all five are at each step."""
    heights, numbers = [], {}
    board = drawn(knobs, walk(knobs, knobs.walker))
    for number, walker in enumerate(WALKERS, 1):
        path = walk(knobs, walker)
        high = height(knobs.ground, *path.T)
        heights.append(Series(walker, tuple(range(len(path))), tuple(high.tolist())))
        numbers[f"height in the end, {walker}"] = float(high[-1])
        numbers[f"farthest from the middle, {walker}"] = float(path.norm(dim=1).max())
        log = knobs.ground in ("valley", "cliff")
        chart = Chart(f"down the {knobs.ground}", Axis("step"), Axis("height", log=log), tuple(heights))
        yield Frame((board, chart), dict(numbers), number / len(WALKERS))


def walk(knobs: Knobs, walker: str) -> torch.Tensor:
    """The path of a walker, (steps + 1, 2). It ends where it leaves the world, a million away."""
    noise = torch.Generator().manual_seed(knobs.seed)
    place = torch.tensor(STARTS[knobs.ground], requires_grad=True)
    optimizer: torch.optim.Optimizer = torch.optim.SGD([place], lr=knobs.rate)
    if walker == "momentum":
        optimizer = torch.optim.SGD([place], lr=knobs.rate, momentum=0.9)
    elif walker == "RMSprop":
        optimizer = torch.optim.RMSprop([place], lr=knobs.rate)
    elif walker == "Adam":
        optimizer = torch.optim.Adam([place], lr=knobs.rate)
    path = [place.detach().clone()]
    for step in range(knobs.steps):
        if walker == "decay":
            optimizer.param_groups[0]["lr"] = knobs.rate * (1 - step / knobs.steps)
        (slope,) = torch.autograd.grad(height(knobs.ground, *place), place)
        place.grad = slope + knobs.noise * torch.randn(2, generator=noise)
        optimizer.step()
        if not place.detach().abs().max() < 1e6:
            break
        path.append(place.detach().clone())
    return torch.stack(path)


def drawn(knobs: Knobs, path: torch.Tensor, size: int = 64) -> Picture:
    """The map, deep places dark, with the path in white."""
    line = torch.linspace(-1, 1, size)
    ground = height(knobs.ground, line[None, :], line.flip(0)[:, None])
    ground = ground.sub(ground.min()).clamp(max=4).sqrt()
    board = 0.75 * ground / ground.max()
    for before, after in pairwise(path):
        for share in torch.linspace(0, 1, 30):
            x, y = ((before + share * (after - before) + 1) / 2 * (size - 1)).round().clamp(-1, size).int().tolist()
            if 0 <= x < size and 0 <= y < size:
                board[size - 1 - y, x] = 1.0
    return Picture(f"the path of {knobs.walker}, white, on the map: deep places are dark", rows(board))


CLAIMS = (
    Claim("In the valley a rate just below 2 / h brings SGD down: height in the end", "below", at_most=0.2),
    Claim("Just above 2 / h it climbs: height in the end", "above", at_least=100),
    Claim("What SGD has still to walk of the floor, divided by what Adam has", "floor", at_least=5),
    Claim("Steps that SGD stays on the saddle, divided by those of momentum", "saddle momentum", at_least=2),
    Claim("The same, divided by those of Adam", "saddle Adam", at_least=2),
    Claim("At rate 0.1, how far the cliff throws SGD, divided by how far it throws Adam", "cliff", at_least=10),
    Claim("With noise, the height at rest without decay, divided by that with decay", "decay", at_least=2),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """The walkers on their grounds."""

    def walked(walker: str, **turned: float | str) -> torch.Tensor:
        return walk(Knobs(walker=walker, seed=seed, **turned), walker)  # type: ignore[arg-type]

    def waited(walker: str) -> float:
        """Steps until the saddle is left."""
        path = walked(walker, ground="saddle", rate=0.05, steps=500)
        return float((path[:, 1].abs() < 0.5).sum())

    def rest(walker: str) -> float:
        runs = [
            height("valley", *walk(Knobs("valley", walker, 0.015, 3.0, 300, 50 * seed + run), walker)[-20:].T).mean()
            for run in range(20 if full else 3)
        ]
        return float(torch.stack(runs).mean())

    def valley(walker: str, rate: float) -> torch.Tensor:
        return walked(walker, ground="valley", steps=100, rate=rate)

    thrown = {name: float(walked(name, ground="cliff", rate=0.1).norm(dim=1).max()) for name in ("SGD", "Adam")}
    left = {name: abs(float(valley(name, 0.0195)[-1, 0])) for name in ("SGD", "Adam")}
    return {
        "below": float(height("valley", *valley("SGD", 0.0195)[-1])),
        "above": float(height("valley", *valley("SGD", 0.0205)[-1])),
        "floor": left["SGD"] / left["Adam"],
        "saddle momentum": waited("SGD") / waited("momentum"),
        "saddle Adam": waited("SGD") / waited("Adam"),
        "cliff": thrown["SGD"] / thrown["Adam"],
        "decay": rest("SGD") / rest("decay"),
    }

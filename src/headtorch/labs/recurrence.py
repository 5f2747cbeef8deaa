"""A state passed on from step to step, and what is left of the gradient a hundred steps back.

A recurrent network (RNN) reads a sequence one step at a time and hands a state, a list of numbers, on to itself.
Unrolled over time it is a deep stack of dense layers that all share one weight matrix. Backwards through a hundred
steps the gradient, which says how much a change long ago still moves the end, is multiplied a hundred times by that
matrix: by a scale below 1 it dies, above 1 it may explode. LSTM and GRU are layers that add to their state instead of
replacing it, and a gate, a share between 0 and 1 for each number, says how much of it stays.

Question: At `scale` 0.9, the factor by which the matrix stretches, nothing looks small. How much of a gradient is left
after 100 steps? And does an LSTM keep more, without further ado?

Answer: Of 0.9 to the hundredth power 3e-5 is left, and a little less after the slopes of tanh. Started as usual, LSTM
and GRU keep a little under two thirds at each step, and after a hundred about 1e-20, far less than that. Only with a
gate that starts open (`forget` 5) does the gradient arrive: a GRU keeps half, that of an LSTM even grows. The cell can
keep the past, but it has to be told to.

Sources: Bengio, Simard, Frasconi (1994); Hochreiter, Schmidhuber (1997), Long short-term memory; Jozefowicz, Zaremba,
Sutskever (2015), on the bias of the forget gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from headtorch.figures import Axis, Chart, Series
from headtorch.labs.kit import Claim, Frame, final, knob

PLACE = 6
SHOWN = ("forget=0", "forget=5")
RULES = ("vanishing-gradients", "exploding-gradients", "hidden-state-misuse")
UNITS = 32
CELLS = {"RNN": nn.RNNCell, "GRU": nn.GRUCell, "LSTM": nn.LSTMCell}


@dataclass(frozen=True)
class Knobs:
    """What can be turned."""

    scale: float = knob(0.9, "size of the recurrent weights of the plain network", 0.1, 4, log=True)
    forget: float = knob(5.0, "bias of the gates that keep the state, LSTM and GRU; PyTorch starts at about 0", -2, 8)
    length: int = knob(100, "steps back", 10, 200)
    seed: int = knob(0, "the weights and the sequence", 0, 99)


def frames(knobs: Knobs) -> Iterator[Frame]:
    """The gradient of the last state, step by step back, for three kinds of cell."""
    curves, numbers = [], {}
    for number, kind in enumerate(CELLS, 1):
        sizes = gradients(kind, knobs)
        curves.append(Series(kind, tuple(range(len(sizes))), tuple(sizes)))
        numbers[f"left of the gradient, {kind}"] = sizes[-1]
        axes = Axis("steps back from the end"), Axis("gradient of the state, 1 at the end", log=True)
        yield Frame((Chart("what is left of the gradient", *axes, tuple(curves)),), dict(numbers), number / len(CELLS))


def gradients(kind: str, knobs: Knobs) -> list[float]:
    """|gradient| of a direction of the last state by the state at each step, the last first, as shares of the last."""
    torch.manual_seed(knobs.seed)
    inputs = 0.1 * torch.randn(knobs.length + 1, 8, 1)
    cell = CELLS[kind](1, UNITS)
    with torch.no_grad():
        if kind == "RNN":
            nn.init.orthogonal_(cell.weight_hh, gain=knobs.scale)
            cell.bias_ih.zero_()
            cell.bias_hh.zero_()
        elif kind == "LSTM":  # its gates: input, forget, cell, output
            cell.bias_ih[UNITS : 2 * UNITS] = knobs.forget
        else:  # reset, update, new: the update gate is what keeps
            cell.bias_ih[UNITS : 2 * UNITS] = knobs.forget
    states: list[torch.Tensor] = [torch.zeros(8, UNITS, requires_grad=True)]
    hidden = torch.zeros(8, UNITS)
    for step in inputs:
        if kind == "LSTM":
            hidden, state = cell(step, (hidden, states[-1]))
        else:
            state = cell(step, states[-1])
        states.append(state)
    direction = torch.randn(8, UNITS)
    found = torch.autograd.grad((states[-1] * direction).sum(), states)
    sizes = [float(gradient.norm()) for gradient in reversed(found)]
    return [size / sizes[0] for size in sizes[: knobs.length + 1]]


def difference_to_torch(seed: int) -> float:
    """A stack of dense layers with shared weights against nn.RNN, on 20 steps."""
    torch.manual_seed(seed)
    theirs, sequence = nn.RNN(3, UNITS), torch.randn(20, 4, 3)
    inward, onward = nn.Linear(3, UNITS), nn.Linear(UNITS, UNITS)
    inward.weight, onward.weight, inward.bias, onward.bias = theirs.all_weights[0]
    state, largest = torch.zeros(4, UNITS), 0.0
    for step, wanted in zip(sequence, theirs(sequence)[0], strict=True):
        state = torch.tanh(inward(step) + onward(state))
        largest = max(largest, float((state - wanted).detach().abs().max()))
    return largest


CLAIMS = (
    Claim("Unrolled, dense layers with shared weights equal nn.RNN: largest difference", "equal", at_most=1e-5),
    Claim("At scale 0.9, after 100 steps of a plain network there is left, at most 0.9^100", "small", at_most=3e-5),
    Claim("At scale 3 the gradient has grown, by a factor of", "large", at_least=1e3),
    Claim("An LSTM with its gates as PyTorch starts them keeps", "fresh LSTM", at_most=1e-10),
    Claim("An LSTM with an open forget gate keeps", "open LSTM", at_least=0.1),
    Claim("A GRU with an open gate keeps", "open GRU", at_least=0.1),
)


def experiment(seed: int, full: bool) -> dict[str, float]:
    """What is left after 100 steps."""
    del full  # it is small as it is

    def left(kind: str, **turned: float) -> float:
        return float(final(frames(Knobs(seed=seed, **turned))).numbers[f"left of the gradient, {kind}"])  # type: ignore[arg-type]

    return {
        "equal": difference_to_torch(seed),
        "small": left("RNN", scale=0.9),
        "large": left("RNN", scale=3.0),
        "fresh LSTM": left("LSTM", forget=0.0),
        "open LSTM": left("LSTM", forget=5.0),
        "open GRU": left("GRU", forget=5.0),
    }

"""Width: a number of that name, or the hidden layers of a plain chain of linear layers, which grow together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from headtorch.model import Where
from headtorch.places.trees import called
from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob, number_at
from headtorch.tuning.names import named

RANK = 3
NAMED = r"(n_|num_|d_)?(hidden|width|units)(_?(size|dim|units|features|channels|width))?"
NORMS = ("BatchNorm1d", "LayerNorm")
BETWEEN = (
    *NORMS, "ReLU", "LeakyReLU", "PReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "Softplus", "Tanh", "Sigmoid",
    "Hardtanh", "Dropout", "Identity",
)  # fmt: skip
NARROWER, WIDER = 4.0, 32.0  # times
LEAST, MOST = 2.0, 512.0


def find(signals: Signals) -> Iterator[Knob]:
    """One knob, in the number that comes first."""
    for where in named(signals, NAMED):
        value = number_at(signals, where)
        if value:
            yield _knob(((where, 1.0),), value)
            return
    for file in signals.run.sources:
        places = list(_chain(signals, file))
        if places:
            first = places[0][1]
            yield _knob(tuple((where, value / first) for where, value in places), first)
            return


def _knob(places: tuple[tuple[Where, float], ...], value: float) -> Knob:
    low, high = max(value / NARROWER, min(LEAST, value)), max(min(value * WIDER, MOST), value)
    return Knob("width", places, low, high, value, whole=True)


def _chain(signals: Signals, file: str) -> Iterator[tuple[Where, float]]:
    """The numbers of the hidden layers: what one linear layer puts out and the next one takes."""
    tree = signals.places.tree(file)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree is not None else []
    ordered = sorted(calls, key=lambda call: (call.lineno, call.col_offset))
    layers = [call for call in ordered if called(call)[:1].isupper() and called(call) != "Sequential"]
    last: ast.Constant | None = None
    norms: list[ast.Constant] = []
    for call in layers:
        numbers = [a if isinstance(a, ast.Constant) and type(a.value) is int else None for a in call.args[:2]]
        if called(call) == "Linear":
            taken, given = numbers if len(numbers) == 2 else (None, None)
            if last is not None and taken is not None and taken.value == last.value:
                for number in (last, *norms, taken):
                    yield signals.places.where(file, number), float(last.value)  # type: ignore[arg-type]
            last, norms = given, []
        elif called(call) in NORMS and last is not None:
            norms += [number for number in numbers[:1] if number is not None]
        elif called(call) not in BETWEEN:
            last = None

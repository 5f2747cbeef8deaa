"""Recurrent: the state that each recurrent layer is given at the first two runs of a pass, and whether the run before
left it there.

Looked at in each layer's first passes, a hundred as a rule: it takes two that follow each other to tell.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch

from headtorch.record.schedule import Schedule
from headtorch.record.statistics import describable

FUNCTIONS = ("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
QUANTITIES = ("given_state", "next_state")  # of the first run in a pass and of the second


class Layer:
    """What is remembered of a recurrent layer: its first weight, its passes, its runs in this one, and a mark of the
    state it last gave."""

    def __init__(self, weight: torch.Tensor) -> None:
        self.weight = weakref.ref(weight)
        self.passes = 0
        self.runs = self.runs_before = 0
        self.step = -1
        self.left: torch.Tensor | None = None
        self.begun: torch.Tensor | None = None  # of the state that its first run in this pass was given


class Recurrent:
    """The recurrent layers of the process, by their first weights."""

    def __init__(self, schedule: Schedule) -> None:
        self._dense = schedule.dense
        self._layers: dict[int, Layer] = {}

    def called(
        self, step: int, args: tuple[Any, ...], result: Any, grad: bool
    ) -> tuple[torch.Tensor, str, torch.Tensor] | None:
        """A layer has run. Returns its first weight, the name of the quantity, and (largest |state| that it was given,
        1 if it is the one it gave last, 1 if it is the one that the first run of this pass was given, how often it ran
        in the pass before), at the first and the second run in a pass that autograd follows; else None.

        `args` are those of the functions below torch.nn: input, batch sizes if packed, state, weights.
        """
        packed = isinstance(args[1], torch.Tensor) and not args[1].is_floating_point()
        given, weights = args[1 + packed : 3 + packed]
        is_cell = isinstance(weights, torch.Tensor)
        layer = self._layer(weights if is_cell else weights[0])
        if grad and layer.step != step:
            layer.step = step
            layer.passes += 1
            layer.runs_before, layer.runs = layer.runs, 0
        layer.runs += grad
        if layer.passes > self._dense:
            return None
        before, layer.left = layer.left, _mark(result if is_cell else result[1])
        state = _mark(given)
        weight = layer.weight()
        if not grad or layer.runs > len(QUANTITIES) or state is None or weight is None:
            return None
        if layer.runs == 1:
            layer.begun = state
        equal = [
            state.new_zeros(()) if other is None else (state == other).all().to(state.dtype)
            for other in (before, layer.begun)
        ]
        ran = state.new_full((), layer.runs_before)
        return weight, QUANTITIES[layer.runs - 1], torch.stack([state.abs().amax(), *equal, ran])

    def _layer(self, weight: torch.Tensor) -> Layer:
        layer = self._layers.get(id(weight))
        if layer is None or layer.weight() is not weight:
            layer = self._layers[id(weight)] = Layer(weight)
        return layer


def _mark(state: Any) -> torch.Tensor | None:
    """The smallest and the largest value of a state, which a copy of it shares and hardly another one, (2,)."""
    tensor = state[0] if isinstance(state, (tuple, list)) else state
    if not isinstance(tensor, torch.Tensor) or not describable(tensor):
        return None
    return torch.stack(torch.aminmax(tensor.detach()))

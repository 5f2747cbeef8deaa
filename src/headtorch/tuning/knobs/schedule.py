"""Schedule: the numbers of the schedules that ran."""

from __future__ import annotations

from collections.abc import Iterator

from headtorch.places.trees import called
from headtorch.signals import Signals
from headtorch.tuning.knobs import Knob, around, number_at

RANK = 1
FACTORS = {"StepLR": 2, "ExponentialLR": 1, "MultiStepLR": 2}  # where `gamma` stands among the arguments
LENGTHS = {"StepLR": "step_size", "CosineAnnealingLR": "T_max", "CosineAnnealingWarmRestarts": "T_0"}  # at 1
LEAST_FACTOR = 0.1
LONGER = 8.0  # times, or shorter


def find(signals: Signals) -> Iterator[Knob]:
    """The factor of a decay, and how long it takes."""
    for stack in dict.fromkeys(signals.run.stacks("scheduler")):
        call = signals.places.call_at(stack[0]) if stack else None
        if call is None:
            continue
        kind = called(call)
        if kind in FACTORS:
            where = signals.places.argument(stack, "gamma", FACTORS[kind])
            value = number_at(signals, where)
            if where is not None and (value is not None or where == stack[0]):
                yield Knob("decay factor", ((where, 1.0),), LEAST_FACTOR, 1.0, value, argument="gamma", log=False)
        if kind in LENGTHS:
            where = signals.places.argument(stack, LENGTHS[kind], 1)
            length = number_at(signals, where)
            if where is not None and length:
                low, high = around(length, LONGER, least=1.0)
                yield Knob("decay length", ((where, 1.0),), low, high, length, argument=LENGTHS[kind], whole=True)

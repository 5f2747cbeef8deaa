"""Given: what the networks are given that run for one loss, as it enters."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from headtorch.record.entered import Entered, entered
from headtorch.record.measure import Measurements
from headtorch.record.modules import first_tensor, other_numbers
from headtorch.record.objectives import Reference
from headtorch.record.precision import Autocast, autocast


class Given:
    """What was given so far. `first` is the first tensor, `lies` its shape and address where it is contiguous, `cast`
    autocast as it was then, `entered` a copy of a part of it, and `measured` what is said of it and of the next one."""

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        self.first: Reference | None = None
        self.lies: tuple[tuple[int, ...], int] | None = None
        self.cast: Autocast | None = None
        self.entered: Entered | None = None
        self.measured: list[tuple[str, torch.Tensor]] = []

    def to_first(self, args: tuple[Any, ...], kwargs: dict[str, Any], looked: bool) -> None:
        """The first network is called."""
        tensor = first_tensor(args, kwargs)
        self.first = None if tensor is None else weakref.ref(tensor)
        if looked:
            self.cast = autocast(tensor)
            self.lies = None
            if type(tensor) is torch.Tensor and tensor.is_contiguous():
                self.lies = tuple(tensor.shape), tensor.data_ptr()
            self.entered = entered(tensor)
            self.measured = self._measurements.given("input", tensor)
            self.measured += self._measurements.given("other input", other_numbers(args, kwargs))

    def to_second(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A second network is called: its data are the next tensor of numbers, unless the first network made them."""
        tensor = first_tensor(args, kwargs)
        made = tensor is None or tensor.requires_grad or not tensor.is_floating_point()
        if not made and all(name != "other_input" for name, _ in self.measured):
            self.measured += self._measurements.given("other input", tensor)

    def broken(self) -> float:
        """The share of what the first network was given that is no finite number; this waits for the device."""
        return next((float(vector[4]) for name, vector in self.measured if name == "input"), 0.0)

    def forget(self) -> None:
        """The loss has been noted."""
        self.measured.clear()
        self.entered = None

"""Calm: the passes between two looked-at steps of the only objective that runs, of which the loss is all there is to
note.

After a step of some milliseconds nothing of ours is left in the processor's caches, and a line of Python costs five
times what it costs in a loop. So what happens again is recognised by few lines, all on one small object: the same
networks are called, backward stands at the same place, the same optimizer steps at the same rates. Whatever else
happens ends the calm, and takes the recorder's usual way.
"""

from __future__ import annotations

import math
import weakref
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from headtorch.record.objectives import Objective, Reference
from headtorch.record.optimizers import OptimizerState
from headtorch.record.writer import Writer


class Place:
    """Where a backward pass stands: the user's frame, so many frames out from the engine's, and the one around it."""

    __slots__ = ("code", "depth", "instruction", "outer", "outer_instruction")

    def __init__(self, frame: FrameType, depth: int) -> None:
        outer = frame.f_back
        self.code: CodeType = frame.f_code
        self.instruction = frame.f_lasti
        self.depth = depth
        self.outer = outer.f_code if outer is not None else None
        self.outer_instruction = outer.f_lasti if outer is not None else 0


class Calm:
    """What is known to come again. `left` passes are still to come so; 0 when there is no calm.

    `step` is the number of the next pass. `passes` and `steps_taken` count what has not been told to the recorder yet.
    `entered` is the first tensor given to the network in the last pass.
    """

    __slots__ = (
        "_place", "_rates", "_sample", "_stepped", "collects", "entered", "first", "last_loss", "left", "objective",
        "optimizer", "passes", "roots", "step", "steps_taken",
    )  # fmt: skip

    def __init__(self, writer: Writer) -> None:
        self._sample = writer.sample
        self._place: Place | None = None
        self._rates: list[float] = []
        self._stepped = 0.0  # 1 when the optimizer has stepped since the last pass
        self.roots: dict[int, bool] = {}
        self.first = 0  # id of the network that the data enters
        self.entered: Reference | None = None
        self.objective: Objective | None = None
        self.optimizer: OptimizerState | None = None
        self.left = self.step = self.passes = self.steps_taken = 0
        self.collects = False
        self.last_loss = math.nan

    def begin(
        self,
        objective: Objective,
        roots: dict[int, bool],
        optimizer: OptimizerState | None,
        place: Place,
        step: int,
        left: int,
    ) -> None:
        """Expect that many passes of an objective; `roots` are the ids of its networks, with their mode."""
        self.objective, self.optimizer, self.roots, self._place = objective, optimizer, roots, place
        self.first = next(iter(roots), 0)
        self.entered = None
        self._rates = optimizer.rates if optimizer is not None else []
        self._stepped = 0.0
        self.collects = objective.collects
        self.step, self.left = step, left

    @property
    def stepped(self) -> bool:
        """Whether the optimizer has stepped since the last pass."""
        return self._stepped > 0

    def enters(self, module: nn.Module, args: tuple[Any, ...]) -> bool:
        """Whether a network that is called is one of those."""
        key = id(module)
        if self.roots.get(key) is not module.training or not torch.is_grad_enabled():
            return False
        if key == self.first:
            self.entered = weakref.ref(args[0]) if args and type(args[0]) is torch.Tensor else None
        return True

    def passed(self, loss: Any, engine: FrameType) -> bool:
        """Whether a backward pass is one of those; then its loss is noted."""
        place, frame = self._place, engine
        if place is None:
            return False
        for _ in range(place.depth):
            frame = frame.f_back  # type: ignore[assignment]
        outer = frame.f_back
        if (
            frame.f_code is not place.code
            or frame.f_lasti != place.instruction
            or (outer is not None and (outer.f_code is not place.outer or outer.f_lasti != place.outer_instruction))
            or type(loss) is not torch.Tensor
            or not loss.is_cpu
            or torch._C._len_torch_dispatch_stack()
            or torch._C._len_torch_function_stack()
        ):
            return False
        value = loss.item()
        if not math.isfinite(value):
            return False
        self._sample(self.objective.number, "loss", self.step, (value, self._stepped))  # type: ignore[union-attr]
        self.last_loss = value
        self.collects = self.optimizer is not None and not self._stepped
        self._stepped = 0.0
        self.step += 1
        self.passes += 1
        self.left -= 1
        return True

    def steps(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether an optimizer's step is one of those: the same rates, plain numbers, of the same groups."""
        groups, rates = optimizer.param_groups, self._rates
        if self.optimizer is None or self.optimizer.reference() is not optimizer or len(groups) != len(rates):
            return False
        for group, rate in zip(groups, rates, strict=True):
            if type(group["lr"]) is not float or group["lr"] != rate:
                return False
        self._stepped = 1.0
        self.steps_taken += 1
        return True

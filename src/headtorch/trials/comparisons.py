"""Comparisons: what a script compares its predictions with, seen where it does so itself.

    torch.nn.functional's losses      prediction and target, in training and in evaluation
    a == b, a != b                    in evaluation: the classes that were predicted and those that were right
    a - b                             where one of them is what the network has just returned
    sklearn.metrics                   what was predicted, and what was right

From them come accuracy, averaged over the classes so that a constant answer is worth 1/k, and R². Both mean the same
whatever the loss is made of. A script that computes its accuracy in NumPy shows only its loss
here. Losses are patched in torch.nn.functional, so comparisons cost a few operations; nothing is printed or kept.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy
import torch
from torch.nn import functional
from torch.nn.modules import module as modules

from headtorch.trials.orders import Measure

CLASSIFYING = ("cross_entropy", "nll_loss")
BINARY = {"binary_cross_entropy": 0.5, "binary_cross_entropy_with_logits": 0.0}
NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
MOST_CLASSES = 256  # above, accuracy is not averaged over classes
OWN = str(Path(__file__).parents[1])
NOT_THE_USERS = (OWN, str(Path(torch.__file__).parent), "<")
KEPT = 0.1  # the last part of the training steps


class Tally:
    """What was compared at one place: sums over one evaluation, or one entry for each training step."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.entries: list[tuple[int, torch.Tensor]] = []

    def add(self, step: int, sums: torch.Tensor, *, only_last: bool) -> None:
        """Add sums of a step; for an evaluation, forget those of earlier steps."""
        if only_last and self.entries and self.entries[-1][0] != step:
            self.entries.clear()
        if self.entries and self.entries[-1][0] == step and self.entries[-1][1].shape == sums.shape:
            self.entries[-1] = (step, self.entries[-1][1] + sums)
        else:
            self.entries.append((step, sums))


class Comparisons:
    """Watches one process."""

    def __init__(self) -> None:
        self.step = 0
        self._evaluates = False
        self._output: tuple[int, torch.Size] | None = None
        self._tallies: dict[tuple[str, str, object], Tally] = {}
        self._inside = False

    def install(self) -> None:
        """Put the probes in place."""
        modules.register_module_forward_hook(self._returned)
        for name in (*CLASSIFYING, *BINARY, *NUMBERS):
            setattr(functional, name, self._watched(getattr(functional, name), functools.partial(self._loss, name)))
        for name in ("__eq__", "__ne__", "eq", "ne"):
            setattr(torch.Tensor, name, self._watched(getattr(torch.Tensor, name), self._equal, NOT_THE_USERS))
        for name in ("eq", "ne"):
            setattr(torch, name, self._watched(getattr(torch, name), self._equal, NOT_THE_USERS))
        for name in ("__sub__", "__rsub__", "sub"):
            setattr(torch.Tensor, name, self._watched(getattr(torch.Tensor, name), self._difference, NOT_THE_USERS))

    def _watched(
        self, original: Callable[..., Any], look: Callable[..., None], unless_from: tuple[str, ...] = (OWN,)
    ) -> Callable[..., Any]:
        """A function that looks at what is compared, where it is not called from these folders."""

        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1).f_code.co_filename
            if not self._inside and not torch.compiler.is_compiling() and not caller.startswith(unless_from):
                self._inside = True
                try:
                    with torch.no_grad():
                        look(*args, **kwargs)
                except Exception:
                    pass  # what cannot be compared is no measure
                finally:
                    self._inside = False
            return original(*args, **kwargs)

        return watched

    def _returned(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        # torch.is_grad_enabled() tells evaluations apart only while the forward pass runs.
        self._evaluates = not torch.is_grad_enabled() or not module.training
        if isinstance(output, (tuple, list)) and output:
            output = output[0]
        if isinstance(output, torch.Tensor):
            self._output = (output.untyped_storage().data_ptr(), output.shape)

    def _loss(self, name: str, *args: Any, **kwargs: Any) -> None:
        prediction = args[0] if args else kwargs["input"]
        target = args[1] if len(args) > 1 else kwargs["target"]
        phase = "held-out" if self._evaluates else "training"
        if name in CLASSIFYING and not target.is_floating_point():
            self._classes(phase, self._site(), prediction.argmax(dim=min(1, prediction.dim() - 1)), target)
        elif name in CLASSIFYING and prediction.shape == target.shape and prediction.dim() > 1:
            if target.shape[1] > 1:
                self._classes(phase, self._site(), prediction.argmax(dim=1), target.argmax(dim=1))
            else:  # one column: the sign tells the class, as for binary losses
                self._classes(phase, self._site(), prediction > 0, target > 0.5)
        elif name in BINARY and prediction.shape == target.shape:
            self._classes(phase, self._site(), prediction > BINARY[name], target > 0.5)
        elif name in NUMBERS:
            self._numbers(phase, self._site(), prediction, target)

    def _equal(self, one: Any, other: Any) -> None:
        if not self._evaluates or not isinstance(other, torch.Tensor) or not isinstance(one, torch.Tensor):
            return
        if one.shape == other.shape and one.numel() > 1:
            self._classes("held-out", self._site(), one, other, either_way=True)

    def _difference(self, one: Any, other: Any, **_: Any) -> None:
        if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor) or self._output is None:
            return
        if not one.is_floating_point() or not other.is_floating_point():
            return
        is_output = [tensor.untyped_storage().data_ptr() == self._output[0] for tensor in (one, other)]
        if is_output.count(True) != 1 or (one.requires_grad and other.requires_grad):
            return  # of two answers, as a score for what was chosen and one for what was not, neither is a target
        prediction, target = (one, other) if is_output[0] else (other, one)
        self._numbers("held-out" if self._evaluates else "training", self._site(), prediction, target)

    def judged(self, y_true: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> None:
        """A metric of scikit-learn is computed of these targets and predictions."""
        try:
            target, prediction = (torch.as_tensor(numpy.asarray(values)) for values in (y_true, y_pred))
            if prediction.is_floating_point() and target.is_floating_point():
                self._numbers("held-out", self._site(), prediction, target)
            else:
                self._classes("held-out", self._site(), prediction, target)
        except Exception:
            return  # what cannot be compared is no measure

    def _site(self) -> object:
        """The user's lines that led here: one function may evaluate several sets of data."""
        lines: list[tuple[str, int]] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and len(lines) < 4:
            if not frame.f_code.co_filename.startswith(NOT_THE_USERS):
                lines.append((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        return tuple(lines)

    def _classes(
        self, phase: str, site: object, predicted: torch.Tensor, right: torch.Tensor, *, either_way: bool = False
    ) -> None:
        """Count which classes were predicted for which. `either_way` says that the two may be the wrong way round."""
        predicted, right = predicted.detach().reshape(-1), right.detach().reshape(-1)
        if predicted.shape != right.shape or not len(right):
            return
        if any(t.is_floating_point() and not torch.equal(t, t.round()) for t in (predicted, right)):
            return
        known = right >= 0
        predicted, right = predicted[known].long(), right[known].long()
        size = int(max(predicted.max(), right.max())) + 1
        if size > MOST_CLASSES:
            sums = torch.stack([(predicted == right).sum(), torch.tensor(len(right))]).double()
            self._tally("many", phase, site, sums)
            return
        size = 1 << (size - 1).bit_length() if size > 2 else 2
        kind = "either" if either_way else "classes"
        self._tally(kind, phase, site, torch.bincount(right * size + predicted, minlength=size * size).double())

    def _numbers(self, phase: str, site: object, prediction: torch.Tensor, target: torch.Tensor) -> None:
        if prediction.numel() != target.numel() or target.numel() < 2:
            return
        p, t = prediction.detach().reshape(-1).double(), target.detach().reshape(-1).double()
        sums = torch.stack([torch.tensor(float(len(t))), t.sum(), t.square().sum(), (p - t).square().sum()])
        self._tally("numbers", phase, site, sums)

    def _tally(self, kind: str, phase: str, site: object, sums: torch.Tensor) -> None:
        tally = self._tallies.setdefault((kind, phase, site), Tally(kind))
        tally.add(self.step, sums, only_last=phase == "held-out")

    def measures(self) -> tuple[Measure, ...]:
        """What was reached, by place."""
        found: list[Measure] = []
        for (_, phase, _), tally in sorted(self._tallies.items(), key=lambda item: item[1].entries[-1][0]):
            entries = tally.entries
            if phase == "training":
                entries = entries[-max(10, int(len(entries) * KEPT)) :]
            largest = max((sums for _, sums in entries), key=len)
            total = sum((_padded(sums, len(largest)) for _, sums in entries), torch.zeros_like(largest))
            value, floor, examples = _score(tally.kind, total)
            measure = "R²" if tally.kind == "numbers" else "balanced accuracy"
            found.append(
                Measure(
                    phase=phase,  # type: ignore[arg-type]
                    kind=measure,  # type: ignore[arg-type]
                    site=sum((other.phase, other.kind) == (phase, measure) for other in found),
                    value=value if math.isfinite(value) else None,
                    floor=floor,
                    examples=examples,
                )
            )
        return tuple(found)


def _padded(sums: torch.Tensor, length: int) -> torch.Tensor:
    """A confusion matrix in the size of a larger one."""
    if len(sums) == length:
        return sums
    size, large = math.isqrt(len(sums)), math.isqrt(length)
    matrix = torch.zeros(large, large, dtype=sums.dtype)
    matrix[:size, :size] = sums.reshape(size, size)
    return matrix.reshape(-1)


def _score(kind: str, sums: torch.Tensor) -> tuple[float, float, int]:
    """The measure, what a constant answer reaches, and the number of examples."""
    if kind == "numbers":
        n, total, squares, residual = sums.tolist()
        spread = squares - total * total / n
        return (1 - residual / spread if spread > 0 else math.nan), 0.0, int(n)
    if kind == "many":
        right, n = sums.tolist()
        return right / n, 0.0, int(n)
    size = math.isqrt(len(sums))
    confusion = sums.reshape(size, size)
    # Of a == b it is not known which is the prediction: of both readings the worse.
    readings = []
    for matrix in (confusion, confusion.T) if kind == "either" else (confusion,):
        present = matrix.sum(dim=1) > 0
        recall = matrix.diagonal()[present] / matrix.sum(dim=1)[present]
        readings.append((float(recall.mean()), 1 / max(int(present.sum()), 1)))
    return min(value for value, _ in readings), min(floor for _, floor in readings), int(sums.sum())

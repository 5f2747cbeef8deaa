"""Few examples: from the second step on every batch holds the same three examples, over and over.

With their labels they come from the first batch; of three classes, if it has as many.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from headtorch.trials.interventions import FEW
from headtorch.trials.interventions.substitution import Substitution


class FewExamples:
    """Remembers the first batch, and gives some of its rows for those of any other."""

    def __init__(self) -> None:
        self._inputs: dict[object, torch.Tensor] = {}
        self._targets: dict[object, torch.Tensor] = {}
        self._chosen: torch.Tensor | None = None
        self._rows: torch.Tensor | None = None  # as chosen, from the next pass on

    def inputs(self, key: object, tensor: torch.Tensor, size: int) -> torch.Tensor:
        """The few for the inputs of any batch."""
        self._rows = self._chosen
        return self._repeated(self._inputs, key, tensor, size)

    def targets(self, key: object, tensor: torch.Tensor, size: int) -> torch.Tensor:
        """The few for the targets of any batch."""
        if self._chosen is None:
            self._chosen = _different(tensor)
        return self._repeated(self._targets, key, tensor, size)

    def _repeated(self, kept: dict[object, torch.Tensor], key: object, tensor: torch.Tensor, size: int) -> torch.Tensor:
        first = kept.setdefault(key, tensor.detach().clone())
        if self._rows is None or first.shape[1:] != tensor.shape[1:] or int(self._rows.max()) >= len(first):
            return tensor
        return first[self._rows[torch.arange(size) % len(self._rows)].to(first.device)]


def _different(targets: torch.Tensor) -> torch.Tensor:
    """The first few rows, of different classes where each row is one."""
    count = min(FEW, len(targets))
    if targets.is_floating_point() or targets[0].numel() != 1:
        return torch.arange(count)
    rows: dict[int, int] = {}
    for row, label in enumerate(targets.reshape(-1).tolist()):
        rows.setdefault(label, row)
    chosen = list(rows.values())[:count]
    return torch.tensor(chosen + [row for row in range(len(targets)) if row not in chosen][: count - len(chosen)])


def install() -> Callable[[], bool]:
    """Hold the examples of every batch at the same few."""
    few = FewExamples()
    substitution = Substitution(few.inputs, few.targets)
    substitution.install()
    return lambda: substitution.targets_seen

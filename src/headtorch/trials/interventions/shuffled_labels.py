"""Shuffled labels: each batch keeps its inputs, and its targets in another order."""

from __future__ import annotations

from collections.abc import Callable

import torch

from headtorch.trials.interventions.substitution import Substitution


def install() -> Callable[[], bool]:
    """Shuffle the targets of every batch; draws no random number of the script's."""
    own = torch.Generator().manual_seed(0)

    def shuffled(key: object, targets: torch.Tensor, size: int) -> torch.Tensor:
        return targets[torch.randperm(size, generator=own).to(targets.device)]

    substitution = Substitution(lambda key, tensor, size: tensor, shuffled)
    substitution.install()
    return lambda: substitution.targets_seen

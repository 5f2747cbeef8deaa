"""Frames: what a lab shows as it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from headtorch.figures import Figure

if TYPE_CHECKING:
    import torch


class Frame(NamedTuple):
    """One picture of a lab: its figures and numbers so far, in place of those of the frame before.

    `progress` is the share of the experiment that is done, from 0 to 1.
    """

    figures: tuple[Figure, ...]
    numbers: Mapping[str, float | str]
    progress: float = 1.0


def final(frames: Iterable[Frame]) -> Frame:
    """The last frame, with all figures and numbers."""
    *_, last = frames
    return last


def rows(values: torch.Tensor) -> tuple[tuple[float, ...], ...]:
    """A matrix as the rows of a figure."""
    return tuple(tuple(row) for row in values.tolist())

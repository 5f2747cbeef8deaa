"""A log folder for TensorBoard: the curves as scalars, the diagnosis as a text."""

from __future__ import annotations

import logging
from pathlib import Path

from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

from headtorch.export import Contents

PLACE = "tensorboard/{name}"
OPEN = "`tensorboard --logdir {place}`"


def export(contents: Contents, place: Path) -> None:
    """Write one event file, each point at the time at which the run began."""
    logging.getLogger("tensorboardX.x2num").disabled = True  # a NaN is told in the diagnosis
    began = contents.report.run.started
    with SummaryWriter(logdir=str(place), write_to_disk=True) as writer:
        writer.add_text("headtorch", contents.page, walltime=began)
        for curve in contents.curves:
            for step, value in zip(curve.steps.tolist(), curve.values.tolist(), strict=True):
                writer.add_scalar(curve.name, value, step, walltime=began)

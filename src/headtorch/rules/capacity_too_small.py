"""Too few units or layers for the task, or a bottleneck.

Why learning stops: a layer of n units bends its input in n places. Where the task needs more, the training loss itself
settles far above zero with healthy gradients and well-sized steps: there is nothing wrong with the learning, only too
little to learn with.

Measured: the widths of the hidden layers beside the number of inputs and of training steps, when the training loss has
come to rest high and nothing else is wrong. Only trying a wider network can tell it from a task that is noise.

Fix: double the width, and again, until the training loss falls; then think of regularisation.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import number_at, set_value
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.signals import Fit, Signals, place_of
from headtorch.store.records import Node

FAMILY = "the network"
LEADS_TO = ()
NARROW = 8  # units


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit at rest far above zero whose hidden layers are narrow."""
    for fit in signals.fits:
        if not (-0.05 < fit.gain < 0.3) or fit.steps < 200 or not fit.distance > 1 or fit.diverged_at is not None:
            continue
        hidden = [fit.network.nodes[number] for number in fit.network.linear_maps[:-1]]
        widths = [
            node.shape[1 if len(node.shape) != 3 else -1] for node in hidden if node.shape and len(node.shape) > 1
        ]
        if not widths or min(widths) > NARROW or not _healthy(fit):
            continue
        narrowest = hidden[widths.index(min(widths))]
        yield Finding(
            rule="capacity-too-small",
            severity="warning",
            message=f"the training loss rests at {fit.last_loss:.3g} with healthy gradients "
            f"and a hidden layer of {min(widths)} units",
            where=_width_place(signals, narrowest),
            saw=(
                Evidence(
                    "units of the hidden layers", ", ".join(str(width) for width in widths), healthy="tens to hundreds"
                ),
                Evidence("sum of |Δw|/|w|", fit.distance),
                fit.seen_loss,
            ),
            help="double the width of the hidden layers, and again, until the training loss falls",
            label="a narrow layer",
            confidence=0.65,
        )


def _healthy(fit: Fit) -> bool:
    relative = fit.relative_gradients
    return (
        relative.size > 0
        and bool(np.nanmedian(relative[:, 0]) > 1e-3 * np.nanmedian(relative[:, -1]))
        and 1e-5 < fit.usual_update < 0.05
    )


def _width_place(signals: Signals, layer: Node) -> Where | None:
    """Where the width of a layer is written."""
    if layer.made_at is None or layer.module != "Linear":
        return place_of(layer)
    return signals.places.argument((layer.made_at,), "out_features", position=1)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The usual widths, wherever the same number is written as a width of a layer."""
    where = finding.where
    number = number_at(signals.run.sources, where) if where is not None else None
    if where is None or number is None:
        return
    places = [where]
    for call, _ in signals.places.calls(where.file, "Linear"):
        for argument in call.args:
            place = signals.places.where(where.file, argument)
            if isinstance(argument, ast.Constant) and argument.value == number and place not in places:
                places.append(place)
    for width in (64, 32, 256):
        edits = tuple(set_value(place, str(width)) for place in places)
        yield Change(f"widen the hidden layers to {width}", edits, knob="width")

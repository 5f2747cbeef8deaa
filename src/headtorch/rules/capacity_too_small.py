"""Too few units or layers for the task, or a bottleneck.

Why learning fails: `f(x) = Σᵢ vᵢ·relu(wᵢ·x + bᵢ) + c` with n units is, along any line, made of at most n + 1 straight
pieces. Where the task needs more, the training loss itself settles far above zero with healthy gradients and
well-sized steps: there is nothing wrong with the learning, only too little to learn with.

Measured: the widths of the hidden layers, and of embeddings in a line or a plane, when the training loss has come to
rest high, the weights have gone a way of more than their own size, and gradients and steps are healthy. A narrow
layer counts where every way from the data to the loss passes one, unlike the score of an attention, which other
features pass by. Besides, whether one layer is applied several times to the same. Only trying a wider network can
tell it from a task that is noise.

Healthy: tens to hundreds of units; first a network that is large enough to fit the training data, then regularisation
(Goodfellow et al., "Deep Learning", 2016, 5.2; Karpathy, 2019). Told at 8 units, nine pieces, or fewer in the
narrowest layer (derivation); a layer narrower than the output is told of sooner, for all answers then lie on a
surface of that many dimensions.

Fix: double the width, `nn.Linear(inputs, 2 * width)`, and again, until the training loss falls.

Ignore it when the narrow layer is the point, as the code of an autoencoder, or the targets are mostly noise.
"""

import ast
from collections import Counter
from collections.abc import Iterator

import numpy as np

from headtorch.changes import number_at, set_value
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.aliases import repeated
from headtorch.signals import Fit, Signals, place_of
from headtorch.store.records import Node

FAMILY = "the network"
LEADS_TO = ()
NARROW = 8  # units: at most nine straight pieces along any line
LOOKED_UP = 2  # numbers of an embedding: all that is known of an item then lies on a line or in a plane
UNLEARNED = 0.3  # of the way from chance to 0: 114 of 118 healthy trainings come further
HALF_LEARNED = 0.5  # of it, behind a layer narrower than the output: 112 of 118 come further
WORSE = -0.05  # of that way: a loss above chance is not at rest for want of units
ENOUGH = 200  # steps: narrow networks take long
WENT = 1.0  # sum of |dw|/|w|: 107 of 118 healthy trainings go further
FADED = 1e-3  # |g|/|w| of the first layer over the last: below, it is the gradient, see `vanishing-gradients`
WELL_SIZED = (1e-5, 0.05)  # |dw|/|w|: 117 of 119 healthy trainings are within


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit at rest far above zero whose hidden layers are narrow."""
    for fit in signals.fits:
        if (one := _one_for_several(signals, fit)) is not None:
            yield one
            continue
        if not (WORSE < fit.gain < HALF_LEARNED) or fit.steps < ENOUGH:
            continue
        if not fit.distance > WENT or fit.diverged_at is not None:
            continue
        widths = {
            number: shape[1 if len(shape) != 3 else -1]
            for number in fit.network.linear_maps[:-1]
            if (shape := fit.network.nodes[number].shape) and len(shape) > 1
        }
        widths |= {
            number: node.shape[-1]
            for number, node in enumerate(fit.network.nodes)
            if node.op == "Embedding" and node.shape and node.shape[-1] <= LOOKED_UP
        }
        narrow = [number for number, width in widths.items() if width <= NARROW]
        if not narrow or not fit.network.all_pass(narrow) or not _healthy(fit):
            continue
        outputs = fit.loss.prediction_shape[-1] if fit.loss and fit.loss.prediction_shape else 1
        narrowest = min(narrow, key=widths.__getitem__)
        if fit.gain > UNLEARNED and (widths[narrowest] >= outputs or fit.chance is None):
            continue
        yield Finding(
            rule="capacity-too-small",
            severity="warning",
            message=f"the training loss rests at {fit.last_loss:.3g} with healthy gradients "
            f"and a hidden layer of {widths[narrowest]} unit{'s' * (widths[narrowest] > 1)}",
            where=_width_place(signals, fit.network.nodes[narrowest]),
            saw=(
                Evidence(
                    "units of the hidden layers", ", ".join(map(str, widths.values())), healthy="tens to hundreds"
                ),
                Evidence("sum of |Δw|/|w|", fit.distance),
                fit.seen_loss,
            ),
            help="double the width of the hidden layers, and again, until the training loss falls",
            label="a narrow layer",
            confidence=0.65,
        )


def _one_for_several(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where one layer is applied several times to the same, for outputs that are to differ."""
    nodes = fit.network.nodes
    maps = [nodes[number] for number in fit.network.linear_maps if nodes[number].inputs]
    uses = Counter((node.weight, node.inputs) for node in maps)
    (weight, inputs), times = max(uses.items(), key=lambda use: use[1], default=((None, ()), 0))
    place = signals.first_slip(repeated)
    if times < 2 or place is None:
        return None  # parts of one result may be given to one layer: views are left out of the graph
    node = next(node for node in maps if node.weight == weight and node.inputs == inputs)
    return Finding(
        rule="capacity-too-small",
        severity="error",
        message=f"`{node.layer or node.op.lower()}` is applied {times} times to the same: its outputs cannot differ",
        where=place,
        saw=(Evidence("times that one layer is given the same", float(times), healthy="1"), fit.seen_loss),
        help="make a layer for each output: `[make() for _ in range(n)]`, where `[make()] * n` is one n times",
        label="one for all",
        confidence=0.93,
    )


def _healthy(fit: Fit) -> bool:
    """Whether the gradient reaches the first layer, if there are several, and steps are of a usual size."""
    relative = fit.relative_gradients
    reaches = relative.size > 0 and np.nanmedian(relative[:, 0]) > FADED * np.nanmedian(relative[:, -1])
    return bool(reaches or not fit.network.linear_maps) and WELL_SIZED[0] < fit.usual_update < WELL_SIZED[1]


def _width_place(signals: Signals, layer: Node) -> Where | None:
    """Where the width of a layer is written."""
    width = {"Linear": "out_features", "Embedding": "embedding_dim"}.get(layer.module)
    if layer.made_at is None or width is None:
        return place_of(layer)
    return signals.places.argument((layer.made_at,), width, position=1)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The usual widths, wherever the same number is written as a width of a layer."""
    where = finding.where
    number = number_at(signals.run.sources, where) if where is not None else None
    if where is None or number is None:
        return
    places = [where]
    for call, _ in signals.places.calls(where.file, "Linear", "Embedding"):
        for argument in call.args:
            place = signals.places.where(where.file, argument)
            if isinstance(argument, ast.Constant) and argument.value == number and place not in places:
                places.append(place)
    for width in (64, 32, 256):
        edits = tuple(set_value(place, str(width)) for place in places)
        yield Change(f"widen the hidden layers to {width}", edits, knob="width")

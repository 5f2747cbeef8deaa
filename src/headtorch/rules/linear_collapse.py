"""Stacked linear layers with no non-linearity between them are one linear layer.

Why learning fails: `W₂ (W₁ x + b₁) + b₂ = (W₂ W₁) x + (W₂ b₁ + b₂)`, one linear map again, however many are stacked.
A network that has nothing else can draw a line, and no more.

Measured: the operations between linear maps, read from the graph; dropout, means, additions of a constant batch norm
and a leaky ReLU of slope 1 do not bend. Low-rank pairs (a layer narrower than both its ends), depthwise convolutions
and a bottleneck that an autoencoder is built around are made so on purpose, and pass.

Healthy: a non-linearity after each hidden layer (derivation; Goodfellow et al., "Deep Learning", 2016, 6.1). An error
when the whole network is one linear map, or has norms alone to bend it and came less than half of the way; a note when
a part of it is, or where one linear map fits the numbers asked for, as when a table is completed by a product of
matrices.

Fix: put one after each hidden linear layer: `nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))`.

Ignore it when a linear model is wanted, or its learning dynamics are what is studied.
"""

import ast
from collections.abc import Iterator

from headtorch.changes import insert_after, insert_item, replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.slips import dropped
from headtorch.signals import Fit, Signals, is_affine
from headtorch.store.records import DISTANCES, Node

BENDING = ("relu", "tanh", "sigmoid", "gelu", "silu", "elu", "selu", "leaky_relu", "softplus", "relu6")
FAMILY = "the network"
LEARNED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further
FITTED = 0.95  # of the way, of a squared error that is an R^2: there is nothing left that a bend could explain
LEADS_TO = ("capacity-too-small", "lr-too-low", "lr-too-high", "overfitting", "vanishing-gradients")


def find(signals: Signals) -> Iterator[Finding]:
    """An error when the whole network is one linear map, a note when a part of it is."""
    for fit in signals.fits:
        pairs = [pair for pair in fit.network.collapsed() if not _on_purpose(fit, *pair)]
        if not pairs or fit.loss is None:
            continue
        first, _ = pairs[0]
        bends = _bends(fit)
        fitted = fit.loss.name in DISTANCES and fit.gain > FITTED
        linear = not (bends or fitted) or (all(node.op.endswith("Norm") for node in bends) and fit.gain < LEARNED)
        names = [fit.network.name(number) for number in sorted({number for pair in pairs for number in pair})]
        hidden = fit.network.nodes[first]
        lost = None if bends else signals.first_slip(dropped, *BENDING)
        yield Finding(
            rule="linear-collapse",
            severity="error" if linear else "note",
            message=f"nothing bends between {_listed(names)}: they are one linear map",
            where=lost or (hidden.made_at if _numbered(hidden) else hidden.where),
            saw=(
                Evidence("non-linearities between them", 0.0, healthy="1 after each hidden layer"),
                Evidence("non-linearities in the network", float(len(bends)), healthy="1 or more"),
                fit.seen_loss,
            ),
            help="put a non-linearity, such as `torch.relu`, after each hidden layer",
            label="its result is dropped" if lost else "its output goes straight into the next linear layer",
            confidence=0.5 if not linear else 0.8 if bends else 0.96,
        )


def _bends(fit: Fit) -> list[Node]:
    """The operations of the network, from its first linear map to the prediction, that are not affine."""
    if fit.loss is None or fit.loss.prediction is None:
        return list(fit.network.nodes)
    last = fit.loss.prediction
    inside = [last, *fit.network.before(last)]
    linear = set(fit.network.linear_maps)
    ends = ("Softmax", "LogSoftmax", "Sigmoid")  # a squashed output does not make the network bend
    return [
        fit.network.nodes[number]
        for number in inside
        if not is_affine(fit.network.nodes[number])
        and number not in linear
        and not (number == last and fit.network.nodes[number].op in ends)
    ]


def _on_purpose(fit: Fit, first: int, second: int) -> bool:
    """Whether a pair saves weights: its middle is narrower than both its ends, or it is depthwise."""
    shapes = {parameter.id: parameter.shape for parameter in fit.run.parameters.values()}
    below, above = (
        shapes.get(fit.network.nodes[first].weight or 0, ()),
        shapes.get(fit.network.nodes[second].weight or 0, ()),
    )
    if len(below) < 2 or len(above) < 2:
        return False
    depthwise = len(below) > 2 and 1 in (below[1], above[1]) and below[0] > 1
    return depthwise or (below[0] < below[1] and below[0] < above[0])


def _numbered(node: Node) -> bool:
    """Whether a layer stands in a Sequential, where no line of the user's runs it by itself."""
    return node.layer.rpartition(".")[2].isdigit() and node.made_at is not None


def _listed(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names[:4]]
    more = [] if len(names) <= 4 else [f"{len(names) - 4} more"]
    return ", ".join((*shown, *more)[:-1]) + " and " + (*shown, *more)[-1]


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The result that was dropped kept, else a ReLU behind each of the layers that have none."""
    lost = signals.places.call_at(finding.where) if finding.where is not None else None
    if lost is not None and finding.where is not None and finding.where == signals.first_slip(dropped, *BENDING):
        name = lost.args[0] if lost.args else lost.func.value if isinstance(lost.func, ast.Attribute) else None
        if isinstance(name, ast.Name):
            edits = [insert_after(finding.where, f"{name.id} = {ast.unparse(lost)}")]
            yield Change("keep the result", tuple(edits))
    for fit in signals.fits:
        edits = []
        for number in dict.fromkeys(first for first, _ in fit.network.collapsed()):
            node = fit.network.nodes[number]
            if _numbered(node) and node.made_at is not None:
                edits.append(insert_item(node.made_at, "torch.nn.ReLU()"))
            elif node.where is not None:
                edits.append(replace(node.where, "torch.relu({})"))
        if edits:
            yield Change("put a ReLU between the layers", tuple(dict.fromkeys(edits)))

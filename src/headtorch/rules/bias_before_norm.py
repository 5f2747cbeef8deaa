"""A bias stands before a batch norm, which takes it away again.

Why it fails: batch norm subtracts each channel's mean over the batch, and `mean(x + b) = mean(x) + b`: the bias
cancels, `∂L/∂b = 0`, and what it holds reaches no output. The norm has a bias of its own, which does its work. The
training loses a little memory and time by it, and no accuracy.

Measured: layers with a weight and a bias whose output goes into a batch norm in training mode and nowhere else, from
the graph. A note, whatever the loss does.

Healthy: no such bias (derivation; Ioffe & Szegedy, 2015, leave it out for this reason).

Fix: make the layer without it, `nn.Conv2d(16, 32, 3, bias=False)`.

Ignore it when the layer's form is given from outside, as by saved weights that have to be loaded into it.
"""

from collections.abc import Iterator

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals, place_of

FAMILY = "the network"
LEADS_TO = ()
NORMS = ("NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "BatchNorm", "NativeBatchNormWithUpdate")


def find(signals: Signals) -> Iterator[Finding]:
    """A note for each fit with biases that batch norms take away."""
    told: set[int | None] = set()
    for fit in signals.fits:
        idle = [number for number in _before_norms(fit) if _has_bias(signals, fit, number)]
        if not idle or fit.network.nodes[idle[0]].weight in told:
            continue
        told |= {fit.network.nodes[number].weight for number in idle}
        more = f" and of {len(idle) - 1} more" if idle[1:] else ""
        yield Finding(
            rule="bias-before-norm",
            severity="note",
            message=f"the batch norm takes away the bias of `{fit.network.name(idle[0])}`{more}",
            where=place_of(fit.network.nodes[idle[0]]),
            saw=(
                Evidence(
                    "biases before a batch norm", f"{len(idle)} of {len(fit.network.linear_maps)} layers", healthy="0"
                ),
            ),
            help="give this layer `bias=False`",
            label="has a bias that the norm subtracts",
            confidence=0.97,
        )


def _before_norms(fit: Fit) -> list[int]:
    """The linear maps whose output goes into a batch norm in training mode and nowhere else."""
    nodes = fit.network.nodes
    found = []
    for number in fit.network.linear_maps:
        readers = [node for node in nodes if number in node.inputs]
        if len(readers) == 1 and readers[0].op in NORMS and readers[0].detail.get("training", True):
            found.append(number)
    return found


def _has_bias(signals: Signals, fit: Fit, number: int) -> bool:
    weight = fit.network.nodes[number].weight
    owner = signals.run.parameters[weight].module if weight in signals.run.parameters else None
    module = signals.run.modules.get(owner) if owner is not None else None
    return module is not None and len(module.parameters) == 2

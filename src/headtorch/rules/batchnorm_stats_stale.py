"""Running statistics lag behind the weights they are used with.

Why it fails: in training a batch norm uses the batch's mean and deviation; in evaluation, running averages of them,
updated by `r ← (1 − m) r + m·batch`. After n batches a share `(1 − m)ⁿ ≈ exp(−m n)` of what they began with, mean 0
and variance 1, is still in them. A small momentum m remembers 1 / m batches: where that is more than the training
has, evaluation runs with numbers that no layer ever put out.

Measured: the momentum of each batch norm beside the number of training steps, unless the statistics are measured anew
before an evaluation or the momentum is set at several places; where a copy of the network is evaluated, such as an
average of its weights, how many batches its statistics have seen beside the network's own; in how many places one batch
norm stands, beside how often the layers around it are used; whether a state dict that comes after the training brings
weights and no statistics.

Healthy: m·n above 2, so that less than exp(−2), an eighth, of the first values is left (derivation). PyTorch's
default is 0.1; running averages for evaluation are from Ioffe & Szegedy (2015). Only momenta below 0.05 are told of:
with the default it is the training that is short. A copy has seen as many batches as the network, half at the least.

Fix: leave the default, `nn.BatchNorm1d(n, momentum=0.1)`. In PyTorch momentum is the share of the new batch; other
frameworks count the share of the old, so their 0.99 is 0.01 here. Or train for more steps.
For averaged weights, `torch.optim.swa_utils.update_bn(loader, model)`.

Ignore it when the running statistics were loaded together with the weights and are meant to stay as they are.
"""

import ast
from collections import Counter
from collections.abc import Iterator

import numpy as np

from headtorch.changes import insert_after, text_at
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.trees import called
from headtorch.remedies import source_of, valued
from headtorch.signals import Fit, Signals

FAMILY = "training and evaluation mode"
LEADS_TO = ("overfitting", "preprocessing-mismatch")
SETTLED = 2.0  # time constants: what is left of the first values is then exp(-2), an eighth
SLOW = 0.05  # half of the default, which is not to blame: there it is the training that is short
BEHIND = 0.5  # of the batches: the others came while the weights went on
LONG_ENOUGH = 20  # steps: SETTLED / 0.1, below which the default momentum would not settle either


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit too short for its batch norms' momentum, or evaluated by a copy without statistics."""
    yield from _never_loaded(signals)
    for fit in signals.fits:
        if (found := _copy(signals, fit) or _shared(fit)) is not None:
            yield found
            continue
        used = {node.layer for node in fit.network.nodes if "BatchNorm" in node.op}
        slow = [
            module
            for module in signals.run.modules.values()
            if module.name in used
            and isinstance(momentum := module.settings.get("momentum"), (int, float))
            and module.settings.get("track_running_stats")
            and 0 <= momentum * fit.steps < SETTLED
            and momentum < SLOW
        ]
        if not slow or fit.steps < LONG_ENOUGH or fit.measures_norms_anew.any() or _is_turned(signals):
            continue
        momentum = float(slow[0].settings["momentum"] or 0)
        at = slow[0].made_at
        yield Finding(
            rule="batchnorm-stats-stale",
            severity="error",
            message=f"the running statistics of {len(slow)} batch norms remember {_batches(momentum)} batches, "
            "longer than the training",
            where=signals.places.argument((at,), "momentum") if at else None,
            saw=(
                Evidence("momentum", momentum, healthy="0.01 to 0.1", layer=slow[0].name),
                Evidence("training steps", float(fit.steps), healthy=f"above {_batches(momentum)}"),
                fit.seen_loss,
            ),
            help="leave the momentum at its default of 0.1",
            label="this momentum",
            confidence=0.93,
        )


def _never_loaded(signals: Signals) -> Iterator[Finding]:
    """A finding where weights were loaded after the training, and the running statistics were not."""
    last = max((int(fit.series("loss").steps[-1]) for fit in signals.fits if fit.steps), default=0)
    stacks = signals.run.stacks("statistics_missing")
    for event, stack in zip(signals.run.events("statistics_missing"), stacks, strict=True):
        if event.step < last:
            continue  # what is trained on brings them up to date
        norms, name = event.value["norms"], event.value["wanted"]
        yield Finding(
            rule="batchnorm-stats-stale",
            severity="error",
            message=f"the state dict brings weights, but no running statistics: those of {norms} batch norms stay at 0 "
            "and 1",
            where=stack[0] if stack else None,
            saw=(Evidence("a name that is wanted", name), Evidence("batches that it has seen", 0.0, healthy="all")),
            help="keep `model.state_dict()`, which has the buffers too, and load it with `strict=True`",
            label="loads no statistics",
            confidence=0.95,
        )
        return


def _is_turned(signals: Signals) -> bool:
    """Whether the source sets the momentum of other objects at several places, as to 0 and back for a second pass that
    is to leave no trace in the statistics."""
    places = (place for file in signals.run.sources for place in signals.places.sets_attribute(file, "momentum"))
    return sum(not text_at(signals.run.sources, place).startswith("self.") for place in places) > 1


def _shared(fit: Fit) -> Finding | None:
    """A finding where one batch norm stands behind several layers: its running statistics are an average over all of
    them, and of none."""
    nodes = fit.network.nodes
    norms = [number for number, node in enumerate(nodes) if "BatchNorm" in node.op and node.weight is not None]
    uses = Counter(nodes[number].weight for number in norms)
    (weight, times), *_ = uses.most_common(1) or [(None, 0)]
    if times < 2 or times <= fit.network.passes:
        return None  # what is used as often as the layers around it belongs to a network that runs several times
    first, *others = (number for number in norms if nodes[number].weight == weight)
    if not any(first in fit.network.before(number) for number in others):
        return None  # they stand beside each other, as for two views of an image
    layer = nodes[first].layer or "a batch norm"
    return Finding(
        rule="batchnorm-stats-stale",
        severity="error",
        message=f"one batch norm, `{layer}`, stands in {times} places: its running statistics fit none of them",
        where=nodes[first].made_at or nodes[first].where,
        saw=(Evidence("places of one batch norm", float(times), healthy="1"), fit.seen_loss),
        help="make a batch norm for each place",
        label="one for all",
        confidence=0.94,
    )


def _copy(signals: Signals, fit: Fit) -> Finding | None:
    """A finding when the network that is evaluated is a copy whose statistics were not copied."""
    seen = fit.series("batches_behind")
    if not seen:
        return None
    copied, trained = (float(value) for value in seen.values[-1][:2])
    if trained < LONG_ENOUGH or copied > BEHIND * trained or _move(seen.values):
        return None
    return Finding(
        rule="batchnorm-stats-stale",
        severity="error",
        message=f"the evaluated copy has the running statistics of {copied:,.0f} batches, "
        f"the trained network of {trained:,.0f}",
        where=signals.copy_place() or signals.evaluation_place(),
        saw=(Evidence("batches in the statistics", copied, healthy=f"{trained:,.0f}"), fit.seen_loss),
        help="copy the buffers with the weights, or run training data through the copy in training mode "
        "(`torch.optim.swa_utils.update_bn`)",
        label="this copy takes the weights without the statistics",
        confidence=0.93,
    )


def _move(seen: np.ndarray) -> bool:
    """Whether the copy's running means move, or are not where they began, though it counts no batches."""
    if seen.shape[1] < 3:
        return False
    sums = seen[:, 2]
    return bool(np.ptp(sums) > 0 or (seen[-1, 0] == 0 and sums[-1] != 0))


def _batches(momentum: float) -> str:
    return f"{1 / momentum:,.0f}" if momentum > 0 else "all"


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """PyTorch's own default; for a copy, the statistics too."""
    call = signals.places.call_at(finding.where) if finding.where is not None else None
    if call is not None and not called(call).startswith("BatchNorm"):
        yield from _copied(signals)
        return
    yield from valued(signals, finding.where, "momentum", "set the momentum of the batch norms to", (0.1,))


def _copied(signals: Signals) -> Iterator[Change]:
    """Behind a loop over the parameters of two networks, one over their buffers."""
    for file in signals.run.sources:
        for call, place in signals.places.calls(file, "zip"):
            pair = [source_of(signals, place, argument) for argument in call.args]
            if len(pair) == 2 and all(each.endswith(".parameters()") for each in pair):
                copy, trained = (each.replace(".parameters()", ".buffers()") for each in pair)
                code = f"for kept, new in zip({copy}, {trained}):\n    kept.copy_(new)"
                for loop in signals.places.nodes_at(Where(file, place.line), ast.For):
                    edits = (insert_after(signals.places.where(file, loop), code),)
                    yield Change("copy the statistics with the weights", edits)

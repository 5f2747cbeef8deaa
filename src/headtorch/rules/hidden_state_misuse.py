"""A recurrent state is carried, reset or read where it should not be.

Why learning fails: the state `hₜ = f(hₜ₋₁, xₜ)` says what stood in the sequence up to t. Given to the next batch, it is
a fitting start only where that batch continues the same sequences; of shuffled batches, each begins with the memory of
others, a noise that no weight can undo. And the output at the first step, `h₁ = f(h₀, x₁)`, has seen one element only;
so has each step that begins anew, `hₜ = f(0, xₜ)`.

Measured: whether a layer begins a batch with the state it gave last, and whether what follows an example in its row of
the batch changes from epoch to epoch; which step of a layer's output the loss reads, from the graph; and whether a
layer that runs several times for one loss, a step each, is ever given what an earlier run gave, or always no state or
the one that the first run was given. In the source, whether a state that is kept from call to call is reset in the loop
over the pieces of a sequence. Where little is learned, how much of each sequence is padding behind its end.

Healthy: of rows seen again, 0 % are followed by others in a stream and nearly all in shuffled batches, told from half
on; the last step is read, which alone has seen all; and each step begins with the state of the step before (derivation,
from the recurrence). Told from four runs on: two or three may be inputs that are compared.

Fix: begin each batch of independent sequences without a state, `out, h = lstm(x)`, which is zeros; read the last step,
`out[:, -1]`; in a loop over the steps, give the state back, `out, state = lstm(x_t, state)`.

Ignore it when the carried state is meant to be of others, as a noisy start to become robust against.
"""

import ast
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from headtorch.changes import insert_item, replace
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.slips import state_reset_at_each_piece
from headtorch.places.trees import enclosing_function
from headtorch.signals import Fit, Signals, place_of
from headtorch.signals.network import RECURRENT
from headtorch.slip import Slip, slipped
from headtorch.store.records import Module, Node, Parameter
from headtorch.store.run import Series

FAMILY = "the network"
LEADS_TO = (
    "lr-too-low",
    "capacity-too-small",
    "vanishing-gradients",
    "overfitting",
    "labels-misaligned",
    "class-imbalance",
)
KINDS = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
# A hundred draws from k values are without a repeat with a chance of exp(-100² / 2k), below 1 % for a thousand values:
# what repeats later than that are examples, not the letters of a text or the squares of a game.
DISTINCT = 100  # examples before the first repeat
RUNS = 4  # with one step each: inputs that are compared, an anchor with one like it and one unlike it, are three
LONG = 0.5  # of the steps: more padding than words
UNLEARNED = 0.3  # of the way from chance to 0: 114 of 118 healthy trainings come further
POOLING = ("Mean", "Sum", "Max", "Amax", "Bmm", "AdaptiveMaxPool2D", "MaxPool2DWithIndices")
OFTEN = 0.5  # batches that begin with the last state, and rows that do not continue: 1 for shuffled, 0 for streams

FORGETS = Slip(
    state_reset_at_each_piece,
    "the state is thrown away before each piece of one sequence: the network never sees beyond a piece",
    ("times that the state is reset", "once a piece", "once a sequence"),
    help="reset the state before the loop over the pieces, once for each sequence",
    label="forgets what came before",
    confidence=0.88,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each layer that carries its state over shuffled batches, is read at its first step, or never
    carries its state from step to step."""
    if any(module.kind in KINDS for module in signals.run.modules.values()):
        yield from slipped("hidden-state-misuse", signals, FORGETS)
    for fit in signals.fits:
        for parameter in fit.parameters:
            states = signals.run.series("given_state", parameter.id)
            kept = states.steps[(states.values[:, 0] > 0) & (states.values[:, 1] > 0)] if states else ()
            if len(kept) <= OFTEN * len(states.steps):
                continue
            changing = _changing(fit, {int(step) for step in kept})
            if changing is None or changing < OFTEN:
                continue
            layer = _layer(signals, parameter)
            name = layer.name if layer is not None and layer.name else parameter.name
            yield Finding(
                rule="hidden-state-misuse",
                severity="error",
                message=f"`{name}` begins {len(kept) / len(states.steps):.0%} of its batches with the state of others",
                where=_place(signals, fit, layer),
                saw=(
                    Evidence("batches begun with the last state", f"{len(kept)} of {len(states.steps)}"),
                    Evidence("rows whose next sequence changes by epoch", f"{changing:.0%}", healthy="0 % of a stream"),
                    fit.seen_loss,
                ),
                help="begin each batch without a state, for its sequences do not continue those of the batch before",
                label="is given the state of other sequences",
                confidence=0.96,
            )
        yield from _read_too_early(signals, fit)
        yield from _never_carried(signals, fit)
        yield from _reads_padding(signals, fit)


def _reads_padding(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where the last state is read behind a padding that is longer than what it is to remember."""
    padding = fit.series("padding")
    behind = float(np.nanmedian(padding.values[:, 0])) if padding else 0.0
    if not behind > LONG or fit.gain > UNLEARNED or signals.calls_any("pack_padded_sequence"):
        return
    nodes = fit.network.nodes
    pooled = any(node.op in POOLING and len(node.shape or ()) > 1 for node in nodes)
    layer = next((m for m in signals.run.modules.values() if m.kind in KINDS[:3] and m.called_at is not None), None)
    if layer is None or pooled or len(fit.loss.prediction_shape or () if fit.loss is not None else ()) > 2:
        return
    yield Finding(
        rule="hidden-state-misuse",
        severity="error",
        message=f"`{layer.name or layer.kind}` is read behind a padding of {behind:.0%} of the steps",
        where=layer.called_at,
        saw=(Evidence("steps that are padding, at the end", f"{behind:.0%}", healthy="0 %, or packed"), fit.seen_loss),
        help="pack the sequences, `pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)`, or read "
        "the state of each at its last real step",
        label="goes on over the padding",
        confidence=0.88,
    )


def _changing(fit: Fit, kept: set[int]) -> float | None:
    """Of the examples seen again, the share of those that another one follows than before in their row of the batch;
    None where no example comes twice."""
    marks = fit.series("fingerprint")
    order = {int(step): number for number, step in enumerate(fit.series("loss").steps)}
    rows = [(int(step), row) for step, row in zip(marks.steps, marks.values, strict=True)]
    seen: set[float] = set()
    for _, row in rows:
        new = row[np.isfinite(row)]
        if len(np.unique(new)) < len(new) or not seen.isdisjoint(new.tolist()):
            break
        seen.update(new.tolist())
    if len(seen) < DISTINCT:
        return None
    next_of: dict[float, set[float]] = {}
    times: dict[float, int] = {}
    for (step, row), (later, following) in pairwise(rows):
        if later in kept and order.get(later, -1) - order.get(step, -9) == 1:
            for mark, companion in zip(row.tolist(), following.tolist(), strict=True):
                if np.isfinite(mark) and np.isfinite(companion):
                    next_of.setdefault(mark, set()).add(companion)
                    times[mark] = times.get(mark, 0) + 1
    again = [len(next_of[mark]) > 1 for mark, count in times.items() if count > 1]
    return float(np.mean(again)) if again else None


def _layer(signals: Signals, parameter: Parameter) -> Module | None:
    return signals.run.modules.get(parameter.module) if parameter.module is not None else None


def _place(signals: Signals, fit: Fit, layer: Module | None) -> Where | None:
    """Where the state is given: the call of the network if it is given one, else the call of the layer."""
    for number in fit.objective.roots:
        root = signals.run.modules.get(number)
        call = signals.places.call_at(root.called_at) if root is not None and root.called_at is not None else None
        if root is not None and call is not None and len(call.args) + len(call.keywords) > 1:
            return root.called_at
    return (layer.called_at if layer is not None else None) or fit.objective.backward_at


def _read_too_early(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding for each layer of several steps of which the loss reads the first step alone."""
    nodes = fit.network.nodes
    for number, node in enumerate(nodes):
        if node.module not in ("RNN", "LSTM", "GRU") or node.shape is None or len(node.shape) != 3:
            continue
        layer = next((m for m in signals.run.modules.values() if m.name == node.layer and m.kind == node.module), None)
        readers = [other for other in nodes if number in other.inputs]
        if layer is None or layer.settings.get("bidirectional") or len(readers) != 1 or node.shape[0] < 2:
            continue
        select = readers[0]
        time = 1 if layer.settings.get("batch_first") else 0
        if select.op != "Select" or select.detail.get("dim") != time or select.detail.get("index") != 0:
            continue
        if node.op == "Stack" and node.shape[0] == layer.settings.get("num_layers"):
            continue  # the last states of the layers rather than the output of the steps
        yield Finding(
            rule="hidden-state-misuse",
            severity="error",
            message=f"of the {node.shape[0]} steps of `{fit.network.name(number)}`, the loss reads the first alone",
            where=select.where or place_of(node),
            saw=(
                Evidence("step that is read", 0.0, healthy=f"{node.shape[0] - 1}, the last"),
                Evidence("elements of the sequence that it has seen", f"1 of {node.shape[0]}"),
                fit.seen_loss,
            ),
            help="read the last step, `out[:, -1]` with `batch_first=True`, else `out[-1]`",
            label="has seen the first element only",
            confidence=0.96,
        )


def _never_carried(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding for each layer that runs once a step and begins each of them without a state."""
    nodes = fit.network.nodes
    runs: dict[tuple[str, str], dict[int, list[int]]] = {}  # of each layer: where each of its weights is applied
    for number, node in enumerate(nodes):
        if node.module in KINDS and node.weight is not None:
            runs.setdefault((node.layer, node.module), {}).setdefault(node.weight, []).append(number)
    for (name, kind), weights in runs.items():
        used = min(len(numbers) for numbers in weights.values())
        given = next((series for weight in weights if (series := signals.run.series("next_state", weight))), None)
        if given is None:
            continue
        # What no loss depends on is not in its graph: only the runs that count are there, the last one as a rule.
        count = used if used > 1 else _runs(given)
        if count < RUNS:
            continue
        zero, again = not given.values[:, 0].any(), bool((given.values[:, 2:3] > 0).all(axis=0).any())
        if not zero and not again:
            continue
        if not all(_one_step(signals, nodes[number]) for numbers in weights.values() for number in numbers):
            continue
        if any(not set(numbers).isdisjoint(fit.network.before(n)) for numbers in weights.values() for n in numbers):
            continue
        ran_at = nodes[next(iter(weights.values()))[0]].where
        yield Finding(
            rule="hidden-state-misuse",
            severity="error",
            message=f"`{name or kind}` runs {count} times for one loss, a step each, each time "
            + ("without a state" if zero else "with the state that the first was given"),
            where=ran_at and (_leaves_out(signals, ran_at) or ran_at),
            saw=(
                Evidence("runs that are given what an earlier one gave", f"0 of {count}", healthy=f"{count - 1}"),
                Evidence("largest value of the state that the second run is given", 0.0, healthy="the first run's")
                if zero
                else Evidence("state that the second run is given", "that of the first", healthy="what the first gave"),
                fit.seen_loss,
            ),
            help="give each step the state of the step before: `out, state = lstm(x_t, state)`",
            label="the state is not given back",
            confidence=0.96,
        )


def _runs(given: Series) -> int:
    """How often a layer runs for one loss, as it was seen to."""
    return int(np.median(given.values[:, 3])) if given.values.shape[1] > 3 else 0


def _one_step(signals: Signals, node: Node) -> bool:
    """Whether a layer whose steps are one operation has one; a layer of several operations shows its steps in them."""
    if node.op not in RECURRENT:
        return True
    layer = next((m for m in signals.run.modules.values() if m.name == node.layer and m.kind == node.module), None)
    # Some devices' operations leave the examples first.
    first = node.op != "MkldnnRnnLayer" and layer is not None and bool(layer.settings.get("batch_first"))
    return node.shape is not None and len(node.shape) == 3 and node.shape[first] == 1


def _leaves_out(signals: Signals, where: Where) -> Where | None:
    """The one call that leaves out the state that its function would hand on to the layer."""
    option = _option(signals, where)
    if option is None:
        return None
    function, name = option
    position = [argument.arg for argument in function.args.args].index(name)
    calls = [
        place
        for call, place in signals.places.calls(where.file, function.name)
        # All before it are given; the first parameter of a method is the object that it is called on.
        if len(call.args) + isinstance(call.func, ast.Attribute) == position
        and not any(keyword.arg in (name, None) for keyword in call.keywords)
    ]
    return calls[0] if len(calls) == 1 else None


def _option(signals: Signals, where: Where) -> tuple[ast.FunctionDef, str] | None:
    """The function around the call of a layer, and its parameter that is handed on as the layer's state."""
    tree, call = signals.places.tree(where.file), signals.places.call_at(where)
    function = enclosing_function(tree, where.line) if tree is not None else None
    if not isinstance(function, ast.FunctionDef) or call is None or len(call.args) < 2:
        return None
    state = call.args[1]
    known = isinstance(state, ast.Name) and state.id in [argument.arg for argument in function.args.args]
    return (function, state.id) if known and isinstance(state, ast.Name) else None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """No state for a batch to begin with; the state of the step before; the last step in the place of the first."""
    where = finding.where
    call = signals.places.call_at(where) if where is not None else None
    if where is None:
        return
    if call is not None and len(call.args) == 2:
        state = signals.places.where(where.file, call.args[1])
        yield Change("begin each batch without a state", (replace(state, "None"),))
    for assigned in signals.places.nodes_at(Where(where.file, where.line), ast.Assign):
        names = assigned.targets[0]
        if call is None or assigned.value is not call or len(call.args) != 1 or not isinstance(names, ast.Tuple):
            continue
        if len(names.elts) == 2 and isinstance(names.elts[1], ast.Name):
            edits = (insert_item(signals.places.where(where.file, call.args[0]), names.elts[1].id),)
            yield Change("give each step the state of the step before", edits)
    for taken in signals.places.nodes_at(Where(where.file, where.line), ast.Subscript):
        index = taken.slice.elts[-1] if isinstance(taken.slice, ast.Tuple) else taken.slice
        if isinstance(index, ast.Constant) and index.value == 0:
            edits = (replace(signals.places.where(where.file, index), "-1"),)
            yield Change("read the last step", edits)

"""An operation runs over the wrong axis.

Why learning fails: `softmax(z)_{ij} = exp(z_ij) / Σ exp(z)` with the sum over the batch makes the examples compete
instead of the classes; a recurrent layer that takes the batch for time steps carries its state from one example to
the next, and what is read as the last step is the last example; attention that does so lets the examples of a batch
read each other. A view cuts the same row of numbers anew: (32, 10) viewed as (10, 32) is not its transpose, and each
row holds parts of several examples; heads of attention, (examples, heads, steps, width), viewed as (examples, steps,
heads * width) give each step parts of several steps of one head.

Measured: the axis of each softmax before the loss, and of running sums behind convolutions; the length of the axis of
each other one, and the order of steps and examples that a recurrent layer expects beside the number of examples at the
loss and what is read of its output; the shapes before and after each view that the script itself makes, but of what was
just padded; those before and after a mean that is multiplied with numbers from outside. In the source, a reshape that
puts the number of examples last, and a gradient that is derived again as a whole.

Healthy: the sum over the classes, and as many examples in the recurrent layer as at the loss (derivation: no example
may have a say in another's answer); no view whose lengths are those of its input in another order, nor, where its
first dimension stays, products of them in another order, for which it cuts a dimension and gives both parts to
others.

Fix: `z.softmax(dim=1)` (or −1) for the classes; `nn.LSTM(8, 32, batch_first=True)` for input of (examples, steps,
features); `x.permute(0, 2, 1)` in place of `x.view(n, channels, steps)`.

Ignore it when the examples are meant to compete, as in attention over a batch or a contrastive loss.
"""

import ast
from collections.abc import Iterator, Sequence
from itertools import accumulate, combinations, permutations
from operator import mul

from headtorch.changes import replace, set_argument, set_value
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.slips import batch_last, mixed_derivatives
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import Fit, Signals, place_of
from headtorch.slip import Slip, slipped
from headtorch.store.records import Node, Reordered

FAMILY = "the network"
LEADS_TO = (
    "lr-too-low",
    "capacity-too-small",
    "vanishing-gradients",
    "overfitting",
    "double-softmax",
    "output-activation-range",
    "labels-misaligned",
)


TAKE_STEPS_FIRST = ("LSTM", "GRU", "RNN", "MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer")
VIEWS = ("view", "reshape")
LEARNED = 0.9  # of the way from chance to 0: nothing was mixed
ORDERS = 2  # tried at most: where lengths are equal, several orders give the same shape
CUT_UP = Slip(
    batch_last,
    "a reshape makes the examples' dimension the last: each column then holds parts of several examples",
    ("what it does", "cuts the row of numbers anew", "exchanges two dimensions"),
    help="lay each example out in a row and transpose: `x.reshape(len(x), -1).T`",
    label="cuts anew, and transposes nothing",
    confidence=0.85,
    severity="warning",
)
SUMS = Slip(
    mixed_derivatives,
    "the gradient is derived as a whole: each column is a sum of second derivatives, u_xx + u_xy",
    ("what a column holds", "u_xx + u_xy", "u_xx"),
    help="derive one column after the other: `grad(g[:, 0].sum(), x, create_graph=True)[0][:, 0]` is u_xx",
    label="adds mixed derivatives",
    confidence=0.92,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each softmax over the batch, recurrent layer that takes examples for steps, and view that should be
    a transpose."""
    learned = bool(signals.fits) and signals.longest.gain > LEARNED  # it was a row of numbers, one an example
    yield from slipped("wrong-dimension", signals, *([] if learned else [CUT_UP]), SUMS)
    for fit in signals.fits:
        yield from _reordered(signals, fit)
        yield from _spread_again(fit)
        yield from _places_of_examples(signals, fit)
        yield from _norm_of_one(fit)
        batch = fit.loss.target_shape[0] if fit.loss and fit.loss.target_shape else None
        yield from _sums_examples(fit, batch)
        for number, node in enumerate(fit.network.nodes):
            if node.op in ("Softmax", "LogSoftmax") and _over_batch(node, batch):
                yield Finding(
                    rule="wrong-dimension",
                    severity="error",
                    message=f"the {node.op.lower()} runs over dimension 0, the examples, not over "
                    + ("the classes" if fit.network.is_output(number) else "what is to be weighed"),
                    where=node.made_at or node.where,
                    saw=(
                        Evidence("dimension", 0.0, healthy="1 or -1"),
                        Evidence("shape", str(node.shape)),
                        fit.seen_loss,
                    ),
                    help="give it `dim=1`, the dimension of what is to sum to 1",
                    label="over the examples",
                    confidence=0.96,
                )
            elif node.op == "Softmax" and _over_one(node) and not fit.network.is_output(number):
                yield Finding(
                    rule="wrong-dimension",
                    severity="error",
                    message=f"the softmax of `{fit.network.name(number)}` runs over a dimension of length 1: "
                    "each of its outputs is 1",
                    where=node.made_at or node.where,
                    saw=(
                        Evidence(
                            "dimension", float(node.detail["dim"]), healthy="the one whose shares are to sum to 1"
                        ),
                        Evidence("shape", str(node.shape)),
                        fit.seen_loss,
                    ),
                    help="give it the dimension of what is to be weighed",
                    label="over a single number",
                    confidence=0.95,
                )
            elif _attends_to_batch(signals, node, batch):
                yield Finding(
                    rule="wrong-dimension",
                    severity="error",
                    message=f"`{fit.network.name(number)}` attends to the {batch} examples of a batch, not to steps",
                    where=place_of(node),
                    saw=(
                        Evidence("examples that it keeps apart", float((node.shape or (0,))[0]), healthy=str(batch)),
                        Evidence("batch_first", "False", healthy="True for (examples, steps, features)"),
                        fit.seen_loss,
                    ),
                    help="construct it with `batch_first=True`, or give it (steps, examples, features)",
                    label="expects (steps, examples, features)",
                    confidence=0.95,
                )
            elif ("Rnn" in node.op or node.op == "Stack") and _takes_batch_for_time(signals, fit, number, node, batch):
                yield Finding(
                    rule="wrong-dimension",
                    severity="error",
                    message=f"`{fit.network.name(number)}` takes the {batch} examples of the batch for time steps",
                    where=place_of(node),
                    saw=(
                        Evidence("its (steps, examples)", str((node.shape or ())[:2]), healthy=f"(steps, {batch})"),
                        Evidence("batch_first", "False", healthy="True for (examples, steps, features)"),
                        fit.seen_loss,
                    ),
                    help="construct it with `batch_first=True`, or give it (steps, examples, features)",
                    label="expects (steps, examples, features)",
                    confidence=0.93,
                )


def _spread_again(fit: Fit) -> Iterator[Finding]:
    """A finding where the network's answers are averaged over a dimension, and the mean is multiplied with numbers from
    outside that have this dimension: each is to weigh its own answer."""
    nodes = fit.network.nodes
    for number, product in enumerate(nodes):
        mean = (
            nodes[product.inputs[0]] if product.op == "Mul" and product.outside and len(product.inputs) == 1 else None
        )
        before = nodes[mean.inputs[0]].shape if mean is not None and len(mean.inputs) == 1 else None
        if mean is None or mean.op not in ("Mean", "Sum") or before is None or product.shape != before:
            continue
        cut = {before[:at] + before[at + 1 :] for at in range(len(before) - 1)}
        if len(before) < 2 or mean.shape not in cut or mean.shape == () or not fit.network.is_output(number):
            continue
        yield Finding(
            rule="wrong-dimension",
            severity="error",
            message=f"a {mean.op.lower()} over {before} is spread to {before} again by a product: "
            "the numbers do not meet their own answers",
            where=mean.where or product.where,
            saw=(Evidence("shapes", f"{mean.shape} times {product.shape}", healthy="equal"), fit.seen_loss),
            help="multiply each answer with its own number first, and average the products",
            label="averages before it weighs",
            confidence=0.9,
        )
        return


def _sums_examples(fit: Fit, batch: int | None) -> Iterator[Finding]:
    """A finding where a running sum of several numbers an example goes over the examples, as a convolution has them: in
    other networks the steps may stand first."""
    convolves = any(node.op == "Convolution" for node in fit.network.nodes)
    for node in fit.network.nodes if convolves else ():
        if node.op == "Cumsum" and _over_batch(node, batch):
            yield Finding(
                rule="wrong-dimension",
                severity="error",
                message="the running sum goes over dimension 0, the examples: each holds those before it",
                where=node.where,
                saw=(
                    Evidence("dimension", 0.0, healthy="that of the steps"),
                    Evidence("shape", str(node.shape)),
                    fit.seen_loss,
                ),
                help="give it the dimension of the steps, `dim=1` of (examples, steps, features)",
                label="over the examples",
                confidence=0.93,
            )
            return


def _norm_of_one(fit: Fit) -> Iterator[Finding]:
    """A finding where a layer norm has a single number to normalise: less its own mean it is 0, whatever it is."""
    for node in fit.network.nodes:
        weight = fit.run.parameters.get(node.weight) if node.weight is not None else None
        if node.op == "NativeLayerNorm" and weight is not None and weight.shape == (1,):
            yield Finding(
                rule="wrong-dimension",
                severity="error",
                message=f"`{node.layer}` normalises over a single number: its output is the same for every input",
                where=place_of(node),
                saw=(Evidence("numbers that are normalised together", 1.0, healthy="2 or more"), fit.seen_loss),
                help="normalise a column over the examples, `nn.BatchNorm1d(1)`, or all columns together",
                label="a single number less its mean is 0",
                confidence=0.96,
            )
            return


def _places_of_examples(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where the numbers 0, 1, 2, ... that are to be places in a sequence are those of the examples: what is
    looked up by them, (examples, 1, width), is the same at all steps."""
    nodes = fit.network.nodes
    for number, table in enumerate(nodes):
        if table.op != "Embedding" or table.shape is None or len(table.shape) != 3:
            continue
        examples, one, width = table.shape
        added = next((n for n in nodes if n.op == "Add" and number in n.inputs and len(n.shape or ()) == 3), None)
        if one != 1 or added is None or added.shape is None or table.where is None:
            continue
        steps = added.shape[1]
        attends = any((n.shape or ())[0::2][:2] == (examples, steps) for n in nodes if len(n.shape or ()) == 4)
        made = signals.places.origin(table.where)
        if steps == 1 or not attends or made is None or not _counts(signals, made):
            continue
        yield Finding(
            rule="wrong-dimension",
            severity="error",
            message=f"the places are numbered along the {examples} examples of a batch, not along the {steps} steps",
            where=made,
            saw=(
                Evidence("shape of what is added", f"({examples}, 1, {width})", healthy=f"({steps}, {width})"),
                fit.seen_loss,
            ),
            help="number the steps: `torch.arange(x.size(1))`, added to each example alike",
            label="counts the examples",
            confidence=0.93,
        )
        return


def _counts(signals: Signals, made: Where) -> bool:
    """Whether a statement calls arange."""
    return any(
        called(call) == "arange"
        for assigned in signals.places.nodes_at(made, ast.Assign)
        for call in ast.walk(assigned)
        if isinstance(call, ast.Call)
    )


def _reordered(signals: Signals, fit: Fit) -> Iterator[Finding]:
    for view in fit.objective.reordered[:1]:
        yield Finding(
            rule="wrong-dimension",
            severity="error",
            message=f"a view turns {view.before} into {view.after} without moving a number",
            where=_place_of_view(signals, view),
            saw=(Evidence("shape", f"{view.before} to {view.after}", healthy="the same order"), fit.seen_loss),
            help="exchange dimensions with `transpose` or `permute`; `view` and `reshape` only cut anew",
            label="mixes the numbers of different examples, steps or channels",
            confidence=0.94,
        )


def _place_of_view(signals: Signals, view: Reordered) -> Where | None:
    """The call that makes a view. What needs no gradient is met at the layer that reads it, behind the call."""
    call = signals.places.call_at(view.where) if view.where is not None else None
    if view.where is None or (call is not None and called(call) in VIEWS):
        return view.where
    return signals.places.last_call(view.where, *VIEWS) or view.where


def _over_batch(node: Node, batch: int | None) -> bool:
    """Whether an operation on several numbers an example runs over the examples; of (examples, examples), they are
    compared."""
    shape, dim = node.shape or (), node.detail.get("dim")
    several = len(shape) in (2, 3) and max(shape[1:]) > 1 and shape[1] != shape[0]
    return several and dim in (0, -len(shape)) and shape[0] == batch and batch > 1


def _over_one(node: Node) -> bool:
    """Whether a softmax runs over a dimension of length 1, beside longer ones."""
    shape, dim = node.shape or (), node.detail.get("dim")
    return isinstance(dim, int) and -len(shape) <= dim < len(shape) and shape[dim] == 1 < max(shape[1:], default=1)


def _attends_to_batch(signals: Signals, node: Node, batch: int | None) -> bool:
    """Whether an attention of (examples, heads, steps, ...) has as many steps as there are examples at the loss.

    With a label for each step there would be examples x steps of them, and more than steps unless there is one example.
    """
    attends = node.op in ("Softmax", "SafeSoftmax") or node.op.startswith("ScaledDotProduct")
    if not attends or node.module != "MultiheadAttention" or node.shape is None or len(node.shape) != 4:
        return False
    named = (m for m in signals.run.modules.values() if m.name == node.layer)
    return node.shape[2] == batch != node.shape[0] > 1 and any(m.settings.get("batch_first") is False for m in named)


def _takes_batch_for_time(signals: Signals, fit: Fit, number: int, node: Node, batch: int | None) -> bool:
    module = next(
        (m for m in signals.run.modules.values() if m.name == node.layer and "batch_first" in m.settings), None
    )
    if module is None or module.settings["batch_first"] or node.shape is None or len(node.shape) < 3 or batch is None:
        return False
    steps, examples = node.shape[0], node.shape[1]
    if steps == batch != examples:
        return True
    # As many steps as examples: then what is read as the last step tells.
    selects = [n for n in fit.network.nodes if n.op == "Select" and number in n.inputs]
    return steps == batch == examples and any(n.detail.get("dim") == 1 for n in selects)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The dimension that the data has."""
    where = finding.where
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None:
        return
    if where == signals.first_slip(batch_last) and isinstance(call.func, ast.Attribute):
        examples = source_of(signals, where, call.func.value)
        edits = (replace(where, f"{examples}.reshape(len({examples}), -1).T"),)
        yield Change("lay each example out in a column", edits)
        return
    if called(call) in VIEWS:
        yield from _transposed(signals, where)
        return
    if called(call) in TAKE_STEPS_FIRST:
        yield Change("say that the examples come first", (set_argument(where, "batch_first", "True"),))
        return
    position = 0 if called(call) in ("Softmax", "LogSoftmax") else 1
    given = call.args[position:]
    edit = set_value(signals.places.where(where.file, given[0]), "1") if given else set_argument(where, "dim", "1")
    yield Change("normalise over the classes", (edit,), alters_loss=True)


def _transposed(signals: Signals, where: Where) -> Iterator[Change]:
    """The exchange of dimensions that gives the shape of a view, or after which the view merges whole ones to it."""
    call = signals.places.call_at(where)
    for fit in signals.fits:
        for view in fit.objective.reordered:
            if _place_of_view(signals, view) != where:
                continue
            for order in _orders(view.before, view.after)[:ORDERS]:
                exchanged = f"permute({', '.join(map(str, order))})"
                if len(view.before) == len(view.after):
                    yield Change("exchange the dimensions", (replace(where, f"{{self}}.{exchanged}"),))
                elif call is not None and isinstance(call.func, ast.Attribute):
                    viewed = signals.places.where(where.file, call.func.value)
                    packed = ".contiguous()" if called(call) == "view" else ""
                    yield Change("exchange the dimensions", (replace(viewed, f"({{}}).{exchanged}{packed}"),))


def _orders(before: tuple[int, ...], after: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The orders of one shape's dimensions that give another, neighbours merged; those that exchange the fewest first.

    None for a view that splits: the lengths to split into would have to be written in another order too.
    """
    orders = []
    for order in permutations(range(len(before))):
        lengths = [before[number] for number in order]
        merges = len(before) > len(after) and _ends(after) <= _ends(lengths)
        if merges or lengths == list(after):
            orders.append(order)
    return sorted(orders, key=lambda order: sum(a > b for a, b in combinations(order, 2)))


def _ends(lengths: Sequence[int]) -> set[int]:
    """Where the dimensions of a shape end in the row of numbers."""
    return set(accumulate(reversed(lengths), mul))

"""Sigmoids, tanhs or a softmax sit where their slope is near zero.

Why learning fails: the gradient that passes a sigmoid is multiplied by its slope `σ′ = y (1 − y) ≤ 1/4`, near 0 where
y is near 0 or 1; at a tanh by `tanh′ = 1 − y²`. Inputs far from 0, from raw data, large weights or one large step,
put units there. A softmax's slopes add up to `1 − Σp²`, near 0 where one p is near 1: attention whose scores are spread
by √d, as q·k of d unit products is, picks one place and does not learn which.

Measured: the share of a hidden layer's outputs where the slope is below 4 % of its largest, over the second half of
the training, and at its start. For a softmax over k places, `1 − Σp²` beside its largest, `1 − 1/k`, at the start and
after. An output layer is saturated with good reason and is not looked at, nor is `gumbel_softmax`.

Healthy: near 0 at initialisation (LeCun et al., 1998; Glorot & Bengio, 2010). In the end a trained layer may be far
from that: measured over the 16 of 119 healthy trainings that have such layers, the worst one has 7 % in the middle, and
up to 67 % in 19 of 20. So it is told from 70 % on, and only when the loss does not fall, the layer was so from the
start, or nothing passes it at all. A softmax that has learned may well pick one place, so it is told below 10 %, and
from the start on: for normal scores 7 of 10 rows are then below 4 % (derivation). Divided by √d, scores have a spread
of about 1 (Vaswani et al., 2017) and more than 80 % of the slope.

Fix: normalise the inputs, initialise with variance 1 / fan-in, `nn.init.xavier_normal_(w)`, or use ReLU in hidden
layers; for attention, `F.softmax(q @ k.mT / math.sqrt(d), dim=-1)`.

Ignore it when the layer is a gate or a code that is meant to be 0 or 1.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.trees import assigned_names, called, enclosing_function
from headtorch.remedies import lower_rate, scaled, source_of, standardised
from headtorch.signals import Fit, Signals, place_of, span

FAMILY = "the gradient"
LEADS_TO = ("vanishing-gradients", "lr-too-low", "lr-too-high", "capacity-too-small")
PASSES_NOTHING = 0.99  # of a layer's outputs: no healthy training of those has more than 0.79
SATURATED = 0.7  # of a layer's outputs: 95 % of the healthy trainings that have such layers end below 0.67
LEARNED = 0.95  # of the way from chance to 0: a saturation that did no harm
HELD_BACK = 0.3  # of that way: 114 of 118 healthy trainings come further
ENOUGH = 3  # steps: fewer show a start only
FLAT = 0.1  # of a softmax's largest slope, the mean: then 7 of 10 of its answers are as flat as saturated_share asks


def find(signals: Signals) -> Iterator[Finding]:
    """One finding a fit, at its first saturated hidden layer, if it does not learn or was saturated from the start."""
    for fit in signals.fits:
        if fit.steps < ENOUGH:
            continue
        found = [
            (number, series)
            for number, series in fit.measured("saturated_share")
            if not fit.network.is_output(number) and _share(fit, series.column()) >= SATURATED
        ]
        if not found:
            if not fit.gain > LEARNED:
                yield from _softmax(signals, fit)
            continue
        number, series = found[0]
        share, at_start = _share(fit, series.column()), float(series.column()[0])
        passes_nothing = share >= PASSES_NOTHING and not fit.gain > LEARNED
        if fit.gain > HELD_BACK and at_start < SATURATED and not passes_nothing:
            continue
        yield Finding(
            rule="saturated-activations",
            severity="error" if fit.gain < HELD_BACK else "warning",
            message=f"{share:.0%} of the outputs of `{fit.network.name(number)}` sit where the slope is near zero",
            where=place_of(fit.network.nodes[number]),
            saw=(
                Evidence(
                    "outputs with a slope near 0",
                    f"{share:.0%}",
                    healthy="mostly below 20 %",
                    steps=span(series.steps[:10]),
                ),
                Evidence("at the start", f"{at_start:.0%}", healthy="near 0 %"),
                fit.seen_loss,
            ),
            help="normalise what comes in, or initialise with smaller weights (Glorot)",
            label="saturated",
            confidence=0.84 if at_start >= SATURATED else 0.62,
        )


def _share(fit: Fit, column: np.ndarray) -> float:
    return float(np.nanmedian(column[:10] if fit.diverged_at is not None else column[len(column) // 2 :]))


def _softmax(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding for the first hidden softmax, as in attention, that picks one place from the start on."""
    deviations = dict(fit.measured("activation_std"))
    for number, means in fit.measured("activation_mean"):
        node = fit.network.nodes[number]
        if node.op != "Softmax" or fit.network.is_output(number) or node.shape is None or "dim" not in node.detail:
            continue
        call = signals.places.call_at(node.where) if node.where is not None else None
        places = node.shape[int(node.detail["dim"])]
        if places < 2 or (call is not None and called(call) == "gumbel_softmax"):
            continue
        squares = places * (means.column() ** 2 + deviations[number].column() ** 2)  # the mean of the sums of p^2
        slopes = (1 - squares) / (1 - 1 / places)
        if not (slopes[0] < FLAT and _share(fit, slopes) < FLAT):
            continue
        yield Finding(
            rule="saturated-activations",
            severity="error" if fit.gain < HELD_BACK else "warning",
            message=f"a softmax over {places} places picks one of them before anything is learned",
            where=node.where or node.made_at,
            saw=(
                Evidence(
                    "slope of the softmax over its largest",
                    f"{max(float(slopes[0]), 0.0):.1%}",
                    healthy="well above 10 % at the start",
                    steps=span(means.steps[:10]),
                ),
                fit.seen_loss,
            ),
            help="divide the scores by the square root of their dimension before the softmax",
            label="saturated",
            confidence=0.84,
        )
        return


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Scores of attention of variance 1, a smaller factor before the non-linearity, else a lower rate."""
    where = finding.where
    yield from _divided_scores(signals, where)
    factor = signals.places.factor_at(where) if where is not None else None
    call = signals.places.call_at(where) if where is not None else None
    for node in ast.walk(call) if call is not None else ():
        if where is not None and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant):
                    factor = signals.places.where(where.file, side)
    if factor is not None and where is not None and factor.line == where.line:
        yield from scaled(signals, factor, "factor", "lower the factor to", (0.02, 0.1, 0.002))
    yield from standardised(signals, signals.longest)
    yield from lower_rate(signals)


def _divided_scores(signals: Signals, where: Where | None) -> Iterator[Change]:
    """Products q k divided by the square root of their length, as softmax takes them."""
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None or called(call) != "softmax":
        return
    method = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) not in ("torch", "F", "functional")
    scores = call.func.value if method and isinstance(call.func, ast.Attribute) else next(iter(call.args), None)
    made = scores
    if isinstance(scores, ast.Name):
        tree = signals.places.tree(where.file)
        scope = (enclosing_function(tree, where.line) or tree) if tree is not None else None
        for node in ast.walk(scope) if scope is not None else ():
            if isinstance(node, ast.Assign) and scores.id in assigned_names(node) and node.lineno < where.line:
                made = node.value
    if made is None:
        return
    product = made.left if isinstance(made, ast.BinOp) and isinstance(made.op, (ast.Mult, ast.Div)) else made
    if isinstance(product, ast.BinOp) and isinstance(product.op, ast.MatMult):
        first = product.left
    elif isinstance(product, ast.Call) and called(product) in ("matmul", "bmm"):
        first = product.args[0]
    elif isinstance(product, ast.Call) and called(product) == "einsum":
        first = product.args[1]
    else:
        return
    code = f"{source_of(signals, where, product)} / {source_of(signals, where, first)}.shape[-1] ** 0.5"
    edits = (replace(signals.places.where(where.file, made), code),)
    yield Change("divide the scores by the square root of their dimension", edits)

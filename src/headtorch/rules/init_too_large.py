"""Initial weights saturate or blow up activations, or start the loss far from chance.

Why learning fails: a layer of n inputs with weights of standard deviation s multiplies the spread of its input,
`std(W x) = s·√n·std(x)` (with ReLU s·√(n/2)). Above 1 it grows with every layer: the scores are huge and sure before
anything is learned, and the first gradients throw the weights about. Where the scale is large and the training data
is fitted all the same, the weights hardly turn, and what they make of new data is mostly chance
(Chizat et al., 2019). A factor of 1 takes s = √(2/n) with ReLU (He et al., 2015), s = √(2/(n + m)) otherwise
(Glorot & Bengio, 2010).

Measured: s·√n of each weight matrix before training, and s₁·s₂·√n of two embeddings whose rows are multiplied,
together with what it does: the first loss beside that of a constant answer, how the spread of the activations grows
with depth, saturated units at the start. Where the loss comes half of the way to 0 or further, it is told, as a
warning, only when the first loss is far off and the units are saturated or the spread grows; or, where no constant
answer is known, when the spread grows.

Healthy: 0.5 to 2: PyTorch's default is 0.58, orthogonal 1, He's 1.41; measured over 119 healthy trainings, 116 of 117
stay below 3. The first loss is near that of a constant answer, ln k for k classes (Karpathy, 2019), ln 2 for a choice
of two (Rendle et al., 2009), and in 107 of 111 less than three times that.

Fix: `nn.init.kaiming_normal_(w)` before ReLU, `nn.init.xavier_normal_(w)` otherwise, or leave PyTorch's defaults.

Ignore it when the scale is corrected behind the layer, by a norm or by a factor of your own.
"""

import ast
import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Edit, Evidence, Finding, Where
from headtorch.places.trees import called
from headtorch.remedies import by_he, scaled, source_of
from headtorch.signals import Fit, Signals, place_of
from headtorch.store.records import Node, Parameter

FAMILY = "initialisation"
LEADS_TO = (
    "exploding-gradients",
    "lr-too-high",
    "saturated-activations",
    "vanishing-gradients",
    "dead-relu",
    "numeric-overflow",
    "overfitting",
    "lr-too-low",
    "clip-too-small",
)
LARGE = 3.0  # s sqrt(n): twice He's 1.41; orthogonal is 1, PyTorch's default 0.58; 116 of 117 healthy ones are below
FAR = 3.0  # first loss over that of a constant answer: 107 of 111 healthy trainings start below
GROWN = 10.0  # last over first activation: He's and Glorot's rules are made to keep it at 1
SATURATED = 0.5  # of a hidden layer's outputs at the start, where it should be near 0 (Glorot & Bengio, 2010)
WORTH_SAYING = 0.2  # of them: shown with the finding, where near 0 is healthy
LEARNED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that starts with large weights, far from chance or saturated."""
    for fit in signals.fits:
        if fit.trained_before.any():
            continue
        far = fit.chance is not None and fit.first_loss > FAR * fit.chance
        if far and fit.gain < LEARNED and (factors := _multiplied(fit)) is not None:
            yield _products(signals, fit, *factors)
            continue
        large = [(p, g) for p in _matrices(fit) if (g := _gain(fit, p)) > LARGE]
        if not large:
            continue
        growth = _growth(fit)
        saturated = max(
            (float(s.column()[0]) for n, s in fit.measured("saturated_share") if not fit.network.is_output(n)),
            default=0.0,
        )
        learned, seen = not fit.gain < LEARNED, growth > GROWN or saturated > SATURATED
        unknown = (
            fit.chance is None and growth > GROWN
        )  # a loss that falls from where large weights put it tells nothing
        if not (seen and (far or unknown) if learned else far or seen):
            continue
        parameter, gain = max(large, key=lambda pair: pair[1])
        node = next(
            fit.network.nodes[n] for n in fit.network.linear_maps if fit.network.nodes[n].weight == parameter.id
        )
        yield Finding(
            rule="init-too-large",
            severity="warning" if learned else "error",
            message=f"the initial weights of `{parameter.name}` multiply the spread of their input by {gain:.2g}",
            where=signals.init_place(False, parameter.name) or place_of(node),
            saw=(
                Evidence("std x sqrt(fan-in)", gain, healthy="0.5 to 2"),
                *(
                    (Evidence("growth of the activations with depth", growth, healthy="0.1 to 10"),)
                    if growth > 1
                    else ()
                ),
                *(
                    (Evidence("saturated at the start", f"{saturated:.0%}", healthy="near 0 %"),)
                    if saturated > WORTH_SAYING
                    else ()
                ),
                Evidence(
                    "first loss",
                    fit.first_loss,
                    healthy=f"about {fit.chance:.3g}" if fit.chance else None,
                    curve=fit.curve(),
                ),
            ),
            help="initialise with He (`kaiming_normal_`) or Glorot (`xavier_normal_`), or leave the default",
            label="these initial weights",
            confidence=0.9,
        )


def _multiplied(fit: Fit) -> tuple[Node, float] | None:
    """The first of two embeddings whose rows are multiplied with each other, and how far their products then spread."""
    nodes = fit.network.nodes
    for node in nodes:
        factors = [nodes[number] for number in node.inputs]
        if node.op in ("Mul", "Bmm", "Mm") and len(factors) == 2 and all(f.op == "Embedding" for f in factors):
            tables = [fit.run.parameters[f.weight] for f in factors if f.weight in fit.run.parameters]
            deviations = [fit.initial(table)[0] for table in tables]
            spread = math.prod(deviations) * math.sqrt(tables[0].shape[-1]) if len(tables) == 2 else 0.0
            if spread > LARGE:
                return factors[0], spread
    return None


def _products(signals: Signals, fit: Fit, table: Node, spread: float) -> Finding:
    name = fit.run.parameters[table.weight].name if table.weight is not None else table.layer
    return Finding(
        rule="init-too-large",
        severity="error",
        message=f"the products of the initial rows of `{name}` spread by {spread:.2g}: sure answers before anything is "
        "learned",
        where=signals.init_place(False, name) or place_of(table),
        saw=(
            Evidence("std of the initial products", spread, healthy="well below 1"),
            Evidence("first loss", fit.first_loss, healthy=f"about {fit.chance:.3g}", curve=fit.curve()),
        ),
        help="begin with small rows, `nn.init.normal_(table.weight, std=0.01)`: the default of an embedding is 1",
        label="begins with rows of std 1",
        confidence=0.92,
    )


def _matrices(fit: Fit) -> list[Parameter]:
    used = {fit.network.nodes[number].weight for number in fit.network.linear_maps}
    return [p for p in fit.parameters if p.id in used and len(p.shape) >= 2]


def _gain(fit: Fit, parameter: Parameter) -> float:
    # A weight that a user holds himself may be (inputs, outputs); a layer's is (outputs, inputs, ...).
    fan_in = parameter.shape[0] if not parameter.is_parameter else math.prod(parameter.shape[1:])
    return fit.initial(parameter)[0] * math.sqrt(fan_in)


def _growth(fit: Fit) -> float:
    series = fit.series("activation_std")
    if not series or series.values.shape[1] < 2:
        return math.nan
    first = series.values[0][[not fit.network.is_output(n) for n in fit.objective.measured]]
    return float(first[-1] / first[0]) if len(first) > 1 and first[0] > 0 and np.isfinite(first).all() else math.nan


def _small_rows(signals: Signals, table: Where) -> Edit:
    """An embedding of rows of standard deviation 0.01 in the place of one by default."""
    call = signals.places.call_at(table)
    shape = ", ".join(source_of(signals, table, argument) for argument in call.args) if call is not None else ""
    return replace(table, f"torch.nn.Embedding.from_pretrained(0.01 * torch.randn({shape}), freeze=False)")


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """He's initialisation in the place of the one by hand, or another deviation."""
    where = finding.where
    if where is None:
        return
    call = signals.places.call_at(where)
    if call is not None and called(call) == "Embedding" and len(call.args) == 2 and not call.keywords:
        tables = [
            place
            for table, place in signals.places.calls(where.file, "Embedding")
            if len(table.args) == 2 and not table.keywords
        ]
        yield Change("begin with small rows", tuple(_small_rows(signals, table) for table in tables))
        return
    yield from by_he(signals, where)
    if call is not None and called(call) == "randn" and len(call.args) > 1 and not call.keywords:
        inputs = "{0}" if isinstance(call.args[0], (ast.Constant, ast.Name)) else "({0})"
        yield Change("divide by the square root of the inputs", (replace(where, f"{{}} / {inputs} ** 0.5"),))
    yield from scaled(signals, finding.where, "std", "set the deviation of the initial weights to", (0.25, 0.1, 0.03))

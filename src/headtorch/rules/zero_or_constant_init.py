"""Units start equal and stay equal, or no signal passes.

Why learning fails: two units of a layer with the same weights, in and out, put out the same, get the same gradient,
and take the same step: `w₁ = w₂ ⇒ ∂L/∂w₁ = ∂L/∂w₂`. They stay one unit for ever, however wide the layer is. With all
weights zero nothing passes either way. So it is with two factors of a product, `W = B A`, that both start at zero:
`∂L/∂A = Bᵀ ∂L/∂W = 0` and `∂L/∂B = ∂L/∂W Aᵀ = 0`.

Measured: the share of a weight matrix's rows that equal another before training, and how much the units' outputs
differ from each other at the end, wherever the weight is used; at the start, where the weight begins as one number
other than 0 and the loss stays high: noise, as of a dropout, may tell the units apart in time. An output layer that
starts at zero breaks the tie by itself, and passes.

Healthy: no equal rows, for draws from a continuous distribution never meet (derivation; Goodfellow et al., "Deep
Learning", 2016, 8.4). Outputs of a layer's units then spread by a good part of their size: by 0.1 or more in 110 of
111, measured over 119 healthy trainings. Told below a thousandth.

Fix: draw initial weights at random: leave PyTorch's defaults, or `nn.init.kaiming_normal_(w)`; zeros are for biases.

Ignore it when the layer is a single branch that is meant to start silent, with a random one beside it.
"""

import ast
from collections.abc import Iterator
from itertools import islice

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import Fit, Signals, place_of
from headtorch.signals.network import LOOK_UPS
from headtorch.store.records import Parameter

FAMILY = "initialisation"
LEADS_TO = ("lr-too-high", "capacity-too-small", "vanishing-gradients", "lr-too-low", "dead-relu", "init-too-small")
EQUAL = 1e-3  # spread over size of the outputs: rounding is far below, healthy layers a hundredfold above
ENOUGH = 3  # looked-at steps: what was made equal takes one to move, and one more to show it
LEARNED = 0.95  # of the way from chance to 0: units that were told apart in time
ALL = 0.99  # of the rows: random ones are never equal, so this is 1 or next to 0


def find(signals: Signals) -> Iterator[Finding]:
    """One finding a fit, at its first hidden layer whose units were made equal and still are."""
    for fit in signals.fits:
        for weight, uses in fit.network.hidden.items():
            parameter, first = fit.run.parameters.get(weight), fit.network.nodes[uses[0]]
            if parameter is None or len(parameter.shape) < 2 or parameter.shape[0] < 2:
                continue
            deviation, largest, equal = fit.initial(parameter)
            if equal < ALL:
                continue
            spreads = [spread for number in uses if (spread := _spread_behind(fit, number)) is not None]
            if not spreads or max(spreads) >= EQUAL:
                if deviation < EQUAL * largest and _begin_equal(fit, uses) and fit.gain < LEARNED:
                    yield _one_number(signals, fit, parameter, largest)
                    break
                continue
            yield Finding(
                rule="zero-or-constant-init",
                severity="error",
                message=f"all {parameter.shape[0]} units of `{fit.network.name(uses[0])}` start equal and stay equal",
                where=signals.init_place(deviation == 0, parameter.name) or place_of(first),
                saw=(
                    Evidence("equal rows of the initial weight", f"{equal:.0%}", healthy="0 %", layer=parameter.name),
                    Evidence("spread between units at the end", max(spreads), healthy="above 0.1"),
                    fit.seen_loss,
                ),
                help="draw the weights at random, such as `nn.init.kaiming_normal_`, or leave the default",
                label="makes all units equal",
                confidence=0.96,
            )
            break
        else:
            yield from _equal_factors(signals, fit)
            yield from _silent_product(signals, fit)


def _begin_equal(fit: Fit, uses: list[int]) -> bool:
    """Whether what follows a layer puts out the same in all its units at the first looked-at step."""
    spreads = dict(fit.measured("unit_spread"))
    behind = [n for n in spreads if any(n > use and use in islice(fit.network.before(n), 3) for use in uses)]
    first = [float(spreads[n].column()[0]) for n in behind]
    return bool(first) and max(first) < EQUAL


def _one_number(signals: Signals, fit: Fit, parameter: Parameter, number: float) -> Finding:
    """The finding that a weight begins as one number, and only noise, as of a dropout, has told its units apart."""
    return Finding(
        rule="zero-or-constant-init",
        severity="warning",
        message=f"`{parameter.name}` begins as one number, {number:.3g}: its {parameter.shape[0]} units start equal",
        where=signals.init_place(False, parameter.name) or fit.objective.backward_at,
        saw=(
            Evidence("equal rows of the initial weight", "100%", healthy="0 %", layer=parameter.name),
            Evidence("spread between units at the start", 0.0, healthy="above 0.1"),
            fit.seen_loss,
        ),
        help="draw the weights at random, such as `nn.init.kaiming_normal_`, or leave the default",
        label="makes all units equal",
        confidence=0.93,
    )


def _equal_factors(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where two tables that are looked up and multiplied, as users and films are, begin as one number each:
    their columns get the same gradient for ever."""
    tables = [
        parameter
        for parameter, moved, reached in zip(fit.parameters, fit.moved, fit.reached, strict=True)
        if moved and reached and len(parameter.shape) == 2 and min(parameter.shape) > 1 and "Norm" not in parameter.kind
    ]
    equal = [table for table in tables if 0 <= fit.initial(table)[0] < EQUAL * fit.initial(table)[1]]
    if fit.network.linear_maps or len(equal) < 2 or len(equal) < len(tables) or not fit.gain < LEARNED:
        return
    nodes = fit.network.nodes
    looked_up = [{nodes[number].op for number in node.inputs} for node in nodes if node.op in ("Mul", "Bmm")]
    if not any(ops and ops <= set(LOOK_UPS) for ops in looked_up):
        return
    yield Finding(
        rule="zero-or-constant-init",
        severity="error",
        message=f"`{equal[0].name}` and `{equal[1].name}` begin as one number each: their {equal[0].shape[1]} columns "
        "stay equal",
        where=signals.init_place(True, equal[0].name) or fit.objective.backward_at,
        saw=(
            Evidence("std of the initial weight", 0.0, healthy="above 0", layer=equal[0].name),
            Evidence("std of the initial weight", 0.0, healthy="above 0", layer=equal[1].name),
            fit.seen_loss,
        ),
        help="draw the factors at random, `0.1 * torch.randn(rows, columns)`",
        label="makes all columns equal",
        confidence=0.94,
    )


def _silent_product(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where two factors start at zero: the gradient of each is multiplied with the other, and stays zero."""
    norms, gradients = fit.series("weight_norm"), fit.series("grad_norm")
    if len(norms.steps) < ENOUGH or norms.values.shape != gradients.values.shape:
        return
    still = (norms.values == 0).all(axis=0) & (gradients.values == 0).all(axis=0) & fit.weights & fit.reached
    zeros = {parameter.id: parameter for parameter, zero in zip(fit.parameters, still, strict=True) if zero}
    uses = {number: zeros[w] for number in fit.network.linear_maps if (w := fit.network.nodes[number].weight) in zeros}
    for number, outer in uses.items():
        inner = next((uses[each] for each in fit.network.before(number) if each in uses), None)
        if inner is not None and inner is not outer:
            yield Finding(
                rule="zero-or-constant-init",
                severity="error",
                message=f"`{inner.name}` and `{outer.name}` both start at zero, so neither gets a gradient",
                where=signals.init_place(True, inner.name),
                saw=(
                    Evidence("norm of both", 0.0, healthy="above 0 for one of them", steps="all looked at"),
                    Evidence("norm of their gradients", 0.0, healthy="above 0"),
                    fit.seen_loss,
                ),
                help="draw one of the two at random; the product then still starts at zero, and learns",
                label="one factor of two that are zero",
                confidence=0.98,
            )
            return


def _spread_behind(fit: Fit, number: int) -> float | None:
    """How much the units differ at the end, at the first measured activation that a layer feeds; 0 where they put out
    nothing but zeros, None where too little was measured, as of a time step that few sequences reach."""
    silent = dict(fit.measured("zero_share"))
    for measured, series in fit.measured("unit_spread"):
        if measured > number and number in islice(fit.network.before(measured), 3):
            zeros = silent[measured].column()[: len(series.steps)] == 1
            spreads = np.where(zeros, 0.0, series.column()[: len(zeros)])
            spreads = spreads[np.isfinite(spreads)]
            return float(np.median(spreads[-3:])) if len(spreads) >= ENOUGH else None
    return None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Random weights in the place of equal ones."""
    where = finding.where
    call = signals.places.call_at(where) if where is not None else None
    if where is None or call is None:
        return
    if "init." in ast.unparse(call.func):
        yield Change("initialise by He's rule", (replace(where, "torch.nn.init.kaiming_normal_({0})"),))
    elif isinstance(call.func, ast.Attribute) and called(call) in ("zero_", "fill_"):
        yield Change("initialise by He's rule", (replace(where, "torch.nn.init.kaiming_normal_({self})"),))
    elif called(call) == "Parameter" and call.args:
        yield Change(
            "draw the initial weights at random", (replace(where, "torch.nn.Parameter(0.1 * torch.randn_like({0}))"),)
        )
    elif called(call) in ("zeros", "ones", "full"):
        shape = ", ".join(
            source_of(signals, where, argument) for argument in call.args[: 1 if called(call) == "full" else None]
        )
        rest = "".join(f", {k.arg}={source_of(signals, where, k.value)}" for k in call.keywords)
        yield Change("draw the initial weights at random", (replace(where, f"0.1 * torch.randn({shape}{rest})"),))

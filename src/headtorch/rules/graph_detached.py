"""Something between weights and loss cuts the gradient.

Why learning fails: autograd follows a result back through the operations that made it, `∂L/∂w = ∂L/∂y · ∂y/∂w`.
`.detach()`, `.data`, `.item()`, a trip through numpy, `torch.tensor(x)`, an argmax, or `torch.no_grad()` make a y
without a history: the loss may depend on the layers below, but ∂y/∂w is taken for 0, and they never change. So does
what is drawn by `Normal(μ, σ).sample()`: only the other term of a variational loss then reaches the encoder. Rounding
and signs have a history, and a slope of 0.

Measured: which parameters of the modules that ran for the loss the graph reaches. What is not reached by any loss, was
called in the forward pass, is trainable and yet never changes, is cut off. Where numbers without a gradient are added
to what the loss is made of, whether the source computes some of them by NumPy, from a detached tensor. Where two terms
of a loss reach no weight in common and a distribution draws by `sample()` without its likelihood being asked for, it
cuts between them. Below an operation of slope 0, or in a Function whose backward pass is written out, whether weights
get a gradient other than 0 at any looked-at step.

Healthy: every parameter that takes part is reached by some loss, or is frozen by name (derivation).

Fix: keep the path from layer to loss in torch operations that have a gradient: `torch.stack(parts)` for
`torch.tensor(parts)`, `scores.softmax(dim=1)` for `scores.argmax(dim=1)`; detach only what must not learn.

Ignore it when the branch is meant to stand still, as the target of a stop-gradient; `requires_grad_(False)` says so.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.backward import gradients_of
from headtorch.places.cuts import cuts_at, cuts_between, last_cut, stops
from headtorch.places.slips import sampled, through_numpy
from headtorch.places.trees import enclosing_function
from headtorch.signals import Fit, Signals
from headtorch.signals.forms import clamped_errors
from headtorch.slip import Slip, slipped
from headtorch.store.records import Module, Parameter

FAMILY = "the gradient"
LEADS_TO = (
    "capacity-too-small",
    "lr-too-low",
    "lr-too-high",
    "no-optimizer-step",
    "vanishing-gradients",
    "dead-relu",
    "overfitting",
    "frozen-by-mistake",
    "no-zero-grad",
)
# Operations whose derivative PyTorch gives as 0, and what they are called.
NO_SLOPE = {
    "Round": "rounding", "Floor": "rounding down", "Ceil": "rounding up", "Trunc": "cutting decimals off",
    "Sign": "a sign", "Bernoulli": "a draw of zeros and ones", "Normal": "a draw by `torch.normal`",
    "Poisson": "a draw by `torch.poisson`",
}  # fmt: skip
CONTAINERS = ("ParameterDict", "ParameterList")

THROUGH_NUMPY = Slip(
    through_numpy,
    "a part of the loss goes through NumPy, where no gradient passes",
    ("what computes it", "NumPy, on a detached tensor", "the same function of torch"),
    help="use torch's own: `x.clamp(low, high)` for `np.clip(x.detach().numpy(), low, high)`",
    label="the gradient ends here",
    confidence=0.9,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose modules ran and are not reached by any loss."""
    yield from _steps_in_vain(signals)
    # What `functional_call` is given stands in for a module's own parameters, which then are a form and no more.
    forms = any(True for file in signals.run.sources for _ in signals.places.calls(file, "functional_call"))
    for fit in signals.fits:
        if fit.objective.opaque or fit.objective.truncated or fit.steps < 2:
            continue
        if (alone := _stands_alone(fit)) is not None:
            yield alone
            continue
        if (flat := _flat(fit)) is not None:
            yield flat
            continue
        if (kept := _kept_back(signals, fit)) is not None:
            yield kept
        if (clamped := _clamped_error(fit)) is not None:
            yield clamped
        if (apart := _drawn_past_the_gradient(signals, fit)) is not None:
            yield apart
        if _adds_numbers(fit):
            yield from slipped("graph-detached", signals, THROUGH_NUMPY)
        cut = [
            parameter
            for parameter, reached in zip(fit.parameters, fit.reached, strict=True)
            if not reached
            and parameter.id not in fit.objective.frozen
            and parameter.id not in signals.reached
            and parameter.id not in signals.moved
            and (parameter.id in signals.held or not forms)
            and _ran(signals, parameter)
        ]
        if not cut:
            continue
        everything = not fit.objective.reached
        module = _outermost(signals, cut)
        rest = f" and {len(cut) - 1} more" if len(cut) > 1 else ""
        what = f"`{module.name or module.kind}` runs, but no gradient comes back to its {len(cut)} parameters"
        if module.kind in CONTAINERS:
            what = f"what holds `{cut[0].name}`{rest} runs, but no gradient comes back to them"
        yield Finding(
            rule="graph-detached",
            severity="error",
            message="the loss has no gradient path to any weight" if everything else what,
            where=_told_to_require(signals, fit) or _place(signals, fit, module, everything),
            saw=(
                Evidence(
                    "parameters the loss does not reach",
                    f"{len(cut)} of {len(fit.parameters)}: `{cut[0].name}`" + (" ..." if len(cut) > 1 else ""),
                    healthy="0",
                ),
                Evidence("their |Δw|/|w|", 0.0, healthy="about 1e-3"),
                fit.seen_loss,
            ),
            help="keep its output in the graph: no `.detach()`, `.data`, `.item()`, numpy or `torch.no_grad()` "
            "between it and the loss",
            label="the gradient ends here" if not everything else "its graph ends before it reaches a weight",
            confidence=0.96,
        )


def _stands_alone(fit: Fit) -> Finding | None:
    """A finding where the loss reaches only a tensor that is in no optimizer, and one steps that no loss ever reaches.

    So it is where the output of a network that ran without autograd is told to require a gradient.
    """
    if not fit.objective.by_hand or not fit.followed_by or fit.optimized.any() or fit.reached.sum() > 1:
        return None
    held = sum(len(optimizer.parameters) for optimizer in fit.followed_by)
    return Finding(
        rule="graph-detached",
        severity="error",
        message=f"the loss has no gradient path to any of the {held} parameters that the optimizer steps over",
        where=fit.objective.backward_at,
        saw=(Evidence("parameters the loss reaches", f"0 of {held}", healthy="all"), fit.seen_loss),
        help="compute the network's output with autograd on, and take out the `requires_grad` that is set on it later",
        label="its graph ends before it reaches a weight",
        confidence=0.96,
    )


def _flat(fit: Fit) -> Finding | None:
    """A finding where what stands below an operation of slope 0 gets a gradient of 0."""
    gradients = fit.series("grad_norm")
    nodes = fit.network.nodes
    for number, node in enumerate(nodes):
        if node.op not in NO_SLOPE:
            continue
        below = {nodes[each].weight for each in fit.network.before(number)} - {None}
        still = [
            parameter
            for column, parameter in enumerate(fit.parameters)
            if parameter.id in below and gradients and not np.nan_to_num(gradients.values[:, column]).any()
        ]
        if still:
            rest = f" and {len(still) - 1} more" if len(still) > 1 else ""
            return Finding(
                rule="graph-detached",
                severity="error",
                message=f"{NO_SLOPE[node.op]} has slope 0: no gradient comes back to `{still[0].name}`{rest}",
                where=node.where or fit.objective.backward_at,
                saw=(Evidence("their gradient, at every looked-at step", 0.0, healthy="not 0"), fit.seen_loss),
                help="put something that has a slope in its place, or let the gradient pass it by: "
                "`x + (f(x) - x).detach()`",
                label="the gradient ends here",
                confidence=0.96,
            )
    return None


def _kept_back(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where weights get no gradient from the Functions of the user's own that they go through, and biases or
    other weights do."""
    own = [node.op for node in fit.network.nodes if node.detail.get("own")]
    gradients = fit.series("grad_norm")
    if not own or not gradients or gradients.values.shape[1] != len(fit.parameters):
        return None
    # What a linear map of PyTorch's multiplies with gets its gradient there, or none for another reason.
    elsewhere = {node.weight for node in fit.network.nodes}
    through = np.array([parameter.id not in elsewhere for parameter in fit.parameters], bool)
    silent = through & ~np.nan_to_num(gradients.values).any(axis=0) & fit.reached & fit.weights & ~fit.moved
    if not silent.any() or not (fit.reached & fit.moved).any():
        return None
    names = [parameter.name for parameter, is_silent in zip(fit.parameters, silent, strict=True) if is_silent]
    return Finding(
        rule="graph-detached",
        severity="error",
        message=f"`{own[-1]}` gives `{names[0]}` no gradient{f', nor {len(names) - 1} more' if len(names) > 1 else ''}",
        where=signals.first_slip(gradients_of, own[-1]) or fit.objective.backward_at,
        saw=(Evidence("their gradient, at every looked-at step", 0.0, healthy="not 0"), fit.seen_loss),
        help="return a gradient for each input of `forward` that needs one; `torch.autograd.gradcheck` compares them",
        label="leaves it out",
        confidence=0.96,
    )


def _clamped_error(fit: Fit) -> Finding | None:
    """A finding where a difference from the target is clamped before it is squared: large errors have no gradient.

    What is meant is a gradient that is clamped, as that of the Huber loss is (Mnih et al., 2015, say "the error term").
    """
    for clamp in clamped_errors(fit.network.nodes):
        return Finding(
            rule="graph-detached",
            severity="warning",
            message="errors are clamped before they are squared: no gradient comes back from the large ones",
            where=clamp.where or fit.objective.backward_at,
            saw=(Evidence("slope of the loss beyond the clamp", 0.0, healthy="not 0"), fit.seen_loss),
            help="use a loss whose gradient is bounded, `smooth_l1_loss` or `huber_loss`",
            label="the gradient of what is cut ends here",
            confidence=0.85,
        )
    return None


def _drawn_past_the_gradient(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where one term of the loss reaches the layers before a distribution, another those after it, and none
    both."""
    terms = [term.node for term in fit.objective.losses if term.node >= 0]
    nodes = fit.network.nodes
    reached = [{nodes[each].weight for each in (node, *fit.network.before(node))} - {None} for node in terms]
    apart = len(reached) > 1 and all(reached) and not any(a & b for a, b in combinations(reached, 2))
    place = signals.first_slip(sampled) if apart else None
    if place is None:
        return None
    return Finding(
        rule="graph-detached",
        severity="error",
        message="what is drawn by `sample()` has no gradient: the terms of the loss reach no weight in common",
        where=place,
        saw=(
            Evidence("weights that each term reaches", " and ".join(str(len(each)) for each in reached)),
            Evidence("of them in common", "0", healthy="those before what is drawn"),
            fit.seen_loss,
        ),
        help="draw by `rsample()`: μ + σ·ε, through which the gradient passes",
        label="the gradient ends here",
        confidence=0.92,
    )


def _adds_numbers(fit: Fit) -> bool:
    """Whether something that no gradient reaches is added behind the network's outputs, as to a loss."""
    nodes = fit.network.nodes
    return any(node.op == "Add" and node.outside and fit.network.is_output(n) for n, node in enumerate(nodes))


def _steps_in_vain(signals: Signals) -> Iterator[Finding]:
    """A finding for each optimizer that steps after a loss which reaches none of its parameters, nor does any other."""
    for optimizer in signals.run.optimizers.values():
        held = set(optimizer.parameters)
        fit = next((fit for fit in signals.fits if optimizer in fit.followed_by), None)
        if fit is None or len(signals.fits) < 2 or held & (signals.reached | signals.moved) or fit.objective.opaque:
            continue
        if not set(fit.objective.reached) <= signals.held or fit.steps < 2:
            continue  # what it should hold is in no optimizer: another rule's case
        if any(other.made_at == optimizer.made_at and other is not optimizer for other in fit.followed_by):
            continue  # of many trainings on one line, as of clients in turn, the last ones are not told apart
        yield Finding(
            rule="graph-detached",
            severity="error",
            message=f"an optimizer steps over {len(held)} parameters that no loss reaches",
            where=last_cut(signals.places, fit.objective.backward_at) or fit.objective.backward_at,
            saw=(Evidence("its parameters that any loss reaches", f"0 of {len(held)}", healthy="all"), fit.seen_loss),
            help="compute what it is to improve from its own network's output, with autograd on",
            label="the gradient ends here",
            confidence=0.985,
        )


def _told_to_require(signals: Signals, fit: Fit) -> Where | None:
    """Where a tensor is told to require a gradient that is all the loss depends on, as the loss itself."""
    reached = [p for p, is_reached in zip(fit.parameters, fit.reached, strict=True) if is_reached]
    alone = reached and not any(p.is_parameter for p in reached) and not fit.optimized[fit.reached].any()
    return signals.set_attributes_place("requires_grad_", "requires_grad") if alone else None


def _ran(signals: Signals, parameter: Parameter) -> bool:
    """Whether the module of a parameter was called while a step was traced; a mere list of parameters never is."""
    modules = signals.run.modules
    module = modules.get(parameter.module) if parameter.module is not None else None
    if module is not None and module.kind in CONTAINERS and module.parent is not None:
        module = modules.get(module.parent)
    return module is not None and module.called_at is not None


def _outermost(signals: Signals, cut: list[Parameter]) -> Module:
    """The largest module that ran and all of whose parameters are cut off."""
    ids = {parameter.id for parameter in cut}
    modules = signals.run.modules
    first = next(modules[p.module] for p in cut if p.module in modules)
    best = first
    while first.parent is not None and (above := modules.get(first.parent)) is not None:
        if not _all_below(modules, above) <= ids:
            break
        first = above
        best = above if above.called_at is not None else best
    return best


def _all_below(modules: dict[int, Module], top: Module) -> set[int]:
    below, ids = {top.id}, set(top.parameters)
    for module in modules.values():  # a parent is numbered before its children
        if module.parent in below:
            below.add(module.id)
            ids |= set(module.parameters)
    return ids


def _place(signals: Signals, fit: Fit, module: Module, everything: bool) -> Where | None:
    """Where the graph is cut: a block without gradients around the module's call, or around that of its function; the
    first cut after it in the same function; else the call itself."""
    ran = module.called_at
    if module.kind in CONTAINERS and module.parent in signals.run.modules:
        ran = signals.run.modules[module.parent].called_at
    if everything or ran is None:
        return fit.objective.backward_at
    if (block := signals.places.without_gradient(ran)) is not None:
        return block
    tree = signals.places.tree(ran.file)
    function = enclosing_function(tree, ran.line) if tree is not None else None
    for _, call in signals.places.calls(ran.file, function.name) if function is not None else ():
        if (block := signals.places.without_gradient(call)) is not None:
            return block
    end = function.end_lineno or 0 if function is not None else 0
    cuts = [outer for _, outer in cuts_at(signals.places, ran) if ran.line <= outer.line <= end]
    cuts = cuts or list(_cuts_on_the_way(signals, fit)) or list(stops(signals.places, ran.file))
    return min(cuts, key=lambda place: place.line, default=ran)


def _cuts_on_the_way(signals: Signals, fit: Fit) -> Iterator[Where]:
    """The cuts between the call of the network and the backward pass, where both stand in one file."""
    backward = fit.objective.backward_at
    for module in (signals.run.modules.get(number) for number in fit.objective.roots):
        called_at = module.called_at if module is not None else None
        if backward is not None and called_at is not None and called_at.file == backward.file:
            yield from cuts_between(signals.places, called_at, backward)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The tensor itself, without what takes it out of the graph."""
    where = finding.where
    if where is None:
        return
    if where == signals.first_slip(sampled):
        yield Change("draw with a gradient", (replace(where, "{self}.rsample()"),))
    for inner, outer in cuts_at(signals.places, where):
        yield Change("keep the output in the graph", (replace(outer, inner),))
    if (block := signals.places.without_gradient(where)) is not None:
        yield Change("compute this with gradients", (replace(block, "torch.enable_grad()"),))

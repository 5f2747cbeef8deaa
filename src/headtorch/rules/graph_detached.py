"""Something between weights and loss cuts the gradient.

Why learning fails: autograd follows a result back through the operations that made it. `.detach()`, `.data`, `.item()`,
a trip through numpy, `torch.tensor(x)`, an argmax, or `torch.no_grad()` make a result without a history: the loss may
depend on the layers below, its gradient ends there, and they never change.

Measured: which parameters of the modules that ran for the loss the graph reaches. What is not reached by any loss, was
called in the forward pass, is trainable and yet never changes, is cut off.

Fix: keep the path from layer to loss in torch operations that have a gradient; detach only what must not learn.

Ignore it when the branch is meant to stand still, as the target of a stop-gradient; say so with
`requires_grad_(False)`.
"""

from collections.abc import Iterator

from headtorch.model import Evidence, Finding, Where
from headtorch.signals import Fit, Signals
from headtorch.store.records import Module, Parameter

FAMILY = "the gradient"
LEADS_TO = (
    "capacity-too-small",
    "lr-too-low",
    "no-optimizer-step",
    "vanishing-gradients",
    "dead-relu",
    "overfitting",
    "frozen-by-mistake",
    "constant-predictions",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose modules ran and are not reached by any loss."""
    for fit in signals.fits:
        if fit.objective.opaque or fit.objective.truncated or fit.steps < 2:
            continue
        cut = [
            parameter
            for parameter, reached in zip(fit.parameters, fit.reached, strict=True)
            if not reached
            and parameter.id not in fit.objective.frozen
            and parameter.id not in signals.reached
            and parameter.id not in signals.moved
            and _ran(signals, parameter)
        ]
        if not cut:
            continue
        everything = not fit.objective.reached
        module = _outermost(signals, cut)
        yield Finding(
            rule="graph-detached",
            severity="error",
            message="the loss has no gradient path to any weight"
            if everything
            else f"`{module.name or module.kind}` runs, but no gradient comes back to its {len(cut)} parameters",
            where=_place(signals, fit, module, everything),
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


def _ran(signals: Signals, parameter: Parameter) -> bool:
    """Whether the module of a parameter was called while a step was traced."""
    module = signals.run.modules.get(parameter.module) if parameter.module is not None else None
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
    if everything:
        return fit.objective.backward_at
    return module.called_at

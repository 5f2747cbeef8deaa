"""Parameters that should learn are unknown to the optimizer.

Why learning fails: an optimizer updates what it was given, `w ← w − lr·∂L/∂w` for w in its list. Layers in a plain list
or dictionary are not found by `model.parameters()`; an optimizer made before a head is replaced holds the old one; a
generator of parameters that has been counted is empty when the optimizer gets it. What it does not hold stays at its
random start, and the rest must do the work alone.

Measured: the parameters that the loss reaches, the list of each optimizer that steps, and whether the others ever
change; whether parameters that no optimizer holds are gone after one step, as those of a layer that is made in the
forward pass; and whether what the loss reaches are tensors of the user's own, of which the optimizer holds none.

Healthy: every parameter that the loss reaches is in an optimizer, or frozen (derivation). Features that were loaded
or trained before, and are left out to be kept, pass.

Fix: hold layers in `nn.ModuleList([...])` or `nn.ModuleDict({...})`; make the optimizer after the model is complete;
give it the parameters of every module, `Adam([*encoder.parameters(), *head.parameters()])`.

Ignore it when layers are to stay random, as random features; `requires_grad_(False)` says so.
"""

import ast
from collections.abc import Iterable, Iterator

import numpy as np

from headtorch.changes import delete, insert_after, replace, set_value, text_at
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.slips import used_up
from headtorch.places.trees import assigned_names, enclosing_function
from headtorch.remedies import assignment_at, source_of
from headtorch.signals import Fit, Signals
from headtorch.store.records import Parameter

FAMILY = "the step"
LEADS_TO = (
    "no-optimizer-step",
    "capacity-too-small",
    "lr-too-low",
    "vanishing-gradients",
    "graph-detached",
    "saturated-activations",
    "dead-relu",
    "overfitting",
    "frozen-by-mistake",
)


FLAT = "FullyShardedDataParallel"  # learns flat copies of what the optimizer holds


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit with reached, trainable parameters that nothing ever updates while an optimizer steps."""
    steppers = [o for o in signals.run.optimizers.values() if o.stepped_at is not None]
    if not steppers and not signals.moved:
        return
    told: set[int] = set()
    for fit in signals.fits:
        if (anew := _made_anew(signals, fit)) is not None:
            yield anew
            continue
        if (apart := _held_elsewhere(fit)) is not None:
            yield apart
            continue
        holds_none = bool(fit.followed_by) and not (fit.optimized & fit.reached).any()
        left = [
            parameter
            for parameter, reached, known in zip(fit.parameters, fit.reached, fit.trained_before, strict=True)
            if reached
            and parameter.trainable
            and parameter.is_parameter
            and parameter.id not in signals.held
            and parameter.id not in signals.moved
            and parameter.id not in told
            and (holds_none or not known)
        ]
        if not left or fit.steps < 2 or FLAT in fit.objective.opaque:
            continue
        told |= {parameter.id for parameter in left}
        share = sum(np.prod(p.shape) for p in left) / max(sum(np.prod(p.shape) for p in fit.parameters), 1)
        stepper = [*steppers, *fit.followed_by][-1:]
        held = stepper[0].parameters if stepper else ()
        made_at = stepper[0].made_at if stepper else _by_hand(signals, fit)
        holds = "optimizer holds" if steppers else "update reaches"
        strangers = [n for n in held if n not in signals.reached]
        too_early = len(strangers) > 0
        if too_early:
            advice = "make the optimizer over the parameters of this network, once it is complete"
            label = "holds parameters that this network does not use"
        elif signals.first_slip(used_up) is not None:
            advice = "make a list of it: a generator is empty once it has been read"
            label = "can be read once, and is read before the optimizer gets it"
        elif _registered(signals, left, held):
            advice, label = (
                "the network has them, but not the list that the optimizer is given: put them in one of its groups",
                "leaves them out",
            )
        else:
            advice = (
                "register these layers (`nn.ModuleList`, `nn.ModuleDict`), or give the optimizer their parameters too"
            )
            label = "its parameters are in no optimizer"
        yield Finding(
            rule="params-not-in-optimizer",
            severity="error",
            message=f"no {holds} {_named(left)}, so they stay as they were made",
            where=_place(signals, fit, left, made_at, too_early),
            saw=(
                Evidence(
                    "parameters no optimizer holds",
                    f"{len(left)} of {int(fit.reached.sum())} that the loss reaches",
                    "0",
                ),
                Evidence("their share of the weights", f"{share:.0%}", "0 %"),
                Evidence("held, but not part of this network", f"{len(strangers)} of {len(held)}", "0"),
                fit.seen_loss,
            ),
            help=advice,
            label=label,
            confidence=0.96,
        )


def _made_anew(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where layers are gone after their first step, and the rest of the network is not: they are made in the
    forward pass."""
    norms = fit.series("weight_norm")
    if not norms or len(norms.steps) < 2 or norms.values.shape[1] != len(fit.parameters):
        return None
    gone = (norms.values[0] > 0) & (norms.values[1:] == 0).all(axis=0)
    lost = [p for p, is_gone in zip(fit.parameters, gone, strict=True) if is_gone and p.is_parameter]
    made = [p for p in lost if p.id not in signals.held]
    node = next((node for node in fit.network.nodes if node.weight in {p.id for p in made}), None)
    if node is None or gone.all():
        return None
    return Finding(
        rule="params-not-in-optimizer",
        severity="error",
        message=f"a layer is made anew at each pass: its {len(made)} parameters are random each time",
        where=node.made_at or node.where,
        saw=(
            Evidence("steps that its parameters lived", "1", healthy="all"),
            Evidence("of them in an optimizer", f"0 of {len(made)}", healthy="all"),
            fit.seen_loss,
        ),
        help="make the layer once, in `__init__`",
        label="makes new weights",
        confidence=0.96,
    )


def _held_elsewhere(fit: Fit) -> Finding | None:
    """A finding where the loss reaches tensors of the user's own that nothing moves, and the optimizer that follows
    holds others, as the modules that they were stacked from."""
    if not fit.objective.by_hand or not fit.followed_by or fit.optimized.any() or fit.moved.any():
        return None
    held = sum(len(optimizer.parameters) for optimizer in fit.followed_by)
    reached = int(fit.reached.sum())
    if reached < 2:
        return None
    return Finding(
        rule="params-not-in-optimizer",
        severity="error",
        message=f"the loss reaches {reached} tensors that no optimizer holds, and none of the {held} that are held",
        where=fit.followed_by[-1].made_at[0] if fit.followed_by[-1].made_at else None,
        saw=(Evidence("held, and reached by the loss", f"0 of {held}", healthy="all"), fit.seen_loss),
        help="give the optimizer the tensors that the network is computed with",
        label="holds others",
        confidence=0.96,
    )


def _by_hand(signals: Signals, fit: Fit) -> tuple[Where, ...]:
    """The update that is written out."""
    backward = fit.objective.backward_at
    update = signals.places.update_by_hand(backward) if backward is not None else None
    return (update,) if update is not None else ()


def _registered(signals: Signals, left: list[Parameter], held: Iterable[int]) -> bool:
    """Whether a module that the network is called by owns parameters of both kinds, held ones and those left out."""

    def roots(numbers: Iterable[int]) -> set[int]:
        found = set()
        for number in numbers:
            parameter = signals.run.parameters.get(number)
            module = signals.run.modules.get(parameter.module) if parameter and parameter.module is not None else None
            while module is not None and module.parent is not None:
                module = signals.run.modules.get(module.parent)
            if module is not None:
                found.add(module.id)
        return found

    return roots(parameter.id for parameter in left) <= roots(held)


def _named(parameters: list[Parameter]) -> str:
    names = [f"`{parameter.name}`" for parameter in parameters[:3]]
    return ", ".join(names) + (f" and {len(parameters) - 3} more" if len(parameters) > 3 else "")


def _place(
    signals: Signals, fit: Fit, left: list[Parameter], made_at: tuple[Where, ...], too_early: bool
) -> Where | None:
    if too_early:
        return made_at[0] if made_at else None
    if (generator := signals.first_slip(used_up)) is not None:
        return generator
    ids = {parameter.id for parameter in left}
    for node in fit.network.nodes:
        if node.weight in ids and node.made_at is not None and (container := signals.places.container(node.made_at)):
            return container
    return made_at[0] if made_at else None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Lists that register their layers, or an optimizer that is made later."""
    where = finding.where
    if where is None:
        return
    text = text_at(signals.run.sources, where)
    for empty, kind in (("[]", "ModuleList"), ("{}", "ModuleDict")):
        if text.endswith(f"= {empty}"):
            yield Change(f"register these layers in a `{kind}`", (set_value(where, f"torch.nn.{kind}()"),))
    statement = assignment_at(signals, where)
    if statement is None:
        return
    if where == signals.first_slip(used_up):
        code = ast.unparse(statement.value)
        code = f"[{code[1:-1]}]" if isinstance(statement.value, ast.GeneratorExp) else f"list({code})"
        yield Change("make a list of it", (set_value(where, code),))
        return
    if isinstance(statement.value, (ast.List, ast.ListComp)):
        yield Change("register these layers in a `ModuleList`", (replace(where, "torch.nn.ModuleList({})"),))
    if isinstance(statement.value, ast.Call) and statement.value.args:
        tree = signals.places.tree(where.file)
        scope = (enclosing_function(tree, where.line) or tree) if tree is not None else None
        body = scope.body if scope is not None else []
        after = [node for node in body if node.lineno > statement.lineno]
        names = {node.id for node in ast.walk(statement.value.args[0]) if isinstance(node, ast.Name)}
        last = next((n for n in reversed(after) if set(assigned_names(n)) & names), None)
        if last is not None:
            here = signals.places.where(where.file, statement)
            later = signals.places.where(where.file, last)
            edits = (insert_after(later, source_of(signals, where, statement)), delete(here))
            yield Change("make the optimizer when the model is complete", edits)

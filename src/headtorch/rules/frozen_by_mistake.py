"""requires_grad is off where learning was meant.

Why learning fails: a parameter with `requires_grad=False` gets no gradient, so `Δw = 0`. To keep features that were
learned elsewhere that is the point; layers at their random start, or ones that a second phase of training was to
thaw, are frozen by mistake.

Measured: which parameters of the network are frozen, whether their values were loaded or trained before, what earlier
fits of the same network had frozen, and whether a test by which parameters are thawed, `"layer4" in name`, finds any,
or `net.requires_grad = True` is set, an attribute that no parameter sees; and whether what is frozen by one name,
after `teacher = model`, is trained by the other.
Where it finds some and not others, it is told when the loss came less than half of the way. Random layers are an
error when the network learned less than half in 50 steps or more, by its loss and by its accuracy; else only a note. A
matrix of zeros is told in the first case only.

Healthy: what is frozen has been learned before, or is a fixed table (derivation: random features are not made better
by the layers behind them). A matrix more than half of whose rows are equal counts as such a table.

Fix: `parameter.requires_grad_(True)` on what is to learn, before the optimizer is made.

Ignore it when random features are meant, as in a random projection or a reservoir.
"""

import ast
import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import insert_before, replace, set_argument, set_value, text_at, unconditional
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.aliases import frozen_by_another_name
from headtorch.places.slips import flag_on_a_network, misspelt
from headtorch.places.trees import called
from headtorch.signals import Fit, Signals
from headtorch.slip import Slip, slipped
from headtorch.store.records import Parameter

LEARNS = "requires_grad"
FAMILY = "the gradient"
LEADS_TO = (
    "lr-too-low",
    "capacity-too-small",
    "graph-detached",
    "vanishing-gradients",
    "overfitting",
    "dead-relu",
    "labels-misaligned",
)
LEARNED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further
TABLE = 0.5  # of the rows are equal: drawn at random, not even two would be


TWO_NAMES = Slip(
    frozen_by_another_name,
    "a network has two names, is frozen by one of them, and is to learn by the other",
    ("networks", "1", "2, one of them a copy"),
    help="freeze a copy: `copy.deepcopy(model)`",
    label="gives the same network another name",
    confidence=0.94,
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for a fit that trains beside frozen random layers, or repeats a fit without thawing anything."""
    if any(_is_frozen_in_part(signals, fit) for fit in signals.fits):
        yield from slipped("frozen-by-mistake", signals, TWO_NAMES)
    for number, fit in enumerate(signals.fits):
        frozen = [p for p in fit.frozen if p.is_parameter and p.id not in signals.moved_in(fit)]
        weights = [p for p in frozen if len(p.shape) >= 2]
        if not weights or fit.steps < 2:
            continue
        if (missed := _missed(signals, fit)) is not None:
            where, text = missed
            yield Finding(
                rule="frozen-by-mistake",
                severity="error",
                message=f"no parameter's name has `{text}` in it, and `{weights[0].name}` stays frozen",
                where=where,
                saw=(
                    Evidence("frozen", f"{len(frozen)} of {len(fit.parameters)} parameters"),
                    fit.seen_loss,
                ),
                help="use the names that `model.named_parameters()` gives",
                label="finds no such name",
                confidence=0.9,
            )
            continue
        held = {number for optimizer in fit.followed_by for number in optimizer.parameters}
        flag = signals.first_slip(flag_on_a_network, "True") if held & {p.id for p in weights} else None
        if flag is not None:
            yield Finding(
                rule="frozen-by-mistake",
                severity="error",
                message=f"`{LEARNS}` of a network reaches none of its parameters: `{weights[0].name}` stays frozen",
                where=flag,
                saw=(Evidence("frozen", f"{len(frozen)} of {len(fit.parameters)} parameters"), fit.seen_loss),
                help=f"call `{LEARNS}_(True)`, which sets it for each parameter",
                label="thaws nothing",
                confidence=0.95,
            )
            continue
        known = {p.id for p, before in zip(fit.parameters, fit.trained_before, strict=True) if before}
        random = [p for p in weights if p.id not in known and _varied(fit, p)]
        zeros = [p for p in weights if p.id not in known and fit.initial(p)[1] == 0]
        made = None
        again = next((earlier for earlier in signals.fits[:number] if _repeats(earlier, fit, frozen)), None)
        if random and (not known or _learned_little(fit)):
            which = f"{len(random)} layers are frozen at their" if len(random) > 1 else "1 layer is frozen at its"
            message = f"{which} random start, `{random[0].name}` first"
            saw = Evidence(
                "frozen, neither loaded nor trained before", f"{len(random)} of {len(weights)} frozen weights", "0"
            )
            confidence, severity = 0.9, "error" if _learned_little(fit) else "note"
        elif zeros and _learned_little(fit):
            message = f"`{zeros[0].name}` is frozen at zero: it adds nothing, and never will"
            saw = Evidence("largest of its numbers", 0.0, healthy="above 0, or free to learn")
            confidence, severity, made = 0.9, "error", _made_frozen(signals)
        elif again is not None:
            message = (
                f"a second fit of the same network thaws nothing: {len(weights)} weights stay frozen as in the first"
            )
            saw = Evidence(
                "frozen in both fits", f"{len(frozen)} of {len(fit.parameters)} parameters", "fewer in the second"
            )
            confidence, severity = 0.85, "warning"
        else:
            continue
        other = signals.first_slip(misspelt, LEARNS)
        yield Finding(
            rule="frozen-by-mistake",
            severity=severity,  # type: ignore[arg-type]
            message=message,
            where=other
            or signals.set_attributes_place(LEARNS, f"{LEARNS}_")
            or made
            or _made(signals, random[:1])
            or fit.objective.backward_at,
            saw=(saw, fit.seen_loss),
            help="set `requires_grad_(True)` on what is to learn, before the optimizer is made",
            label=f"is another name than `{LEARNS}`" if other else "turns learning on and off",
            confidence=confidence,
        )


def _is_frozen_in_part(signals: Signals, fit: Fit) -> bool:
    """Whether what is frozen and what learns belong to one network: a teacher is another one than its student."""

    def networks(parameters: list[Parameter]) -> set[int]:
        found = set()
        for module in (signals.run.modules.get(p.module) for p in parameters if p.module is not None):
            while module is not None and module.parent in signals.run.modules:
                module = signals.run.modules[module.parent]
            if module is not None:
                found.add(module.id)
        return found

    learning = [p for p, reached in zip(fit.parameters, fit.reached, strict=True) if reached]
    return bool(networks(fit.frozen) & networks(learning))


def _made_frozen(signals: Signals) -> Where | None:
    """Where a parameter is made that is frozen from the first."""
    for file in signals.run.sources:
        for call, place in signals.places.calls(file, "Parameter"):
            if any(each.arg == LEARNS and ast.unparse(each.value) == "False" for each in call.keywords):
                return place
    return None


def _learned_little(fit: Fit) -> bool:
    """Whether a fit came less than half of the way from chance, in its loss and in its answers, as far as either
    shows: a loss with smoothed or mixed labels stays high though the answers are right."""
    shares = [fit.gain if fit.chance is not None else math.nan, fit.answered]
    known = [share for share in shares if not math.isnan(share)]
    return fit.had_time and bool(known) and max(known) < LEARNED


def _made(signals: Signals, parameters: list[Parameter]) -> Where | None:
    """Where the module of a parameter is made: some come frozen, as `nn.Embedding.from_pretrained`."""
    modules = (signals.run.modules.get(p.module) for p in parameters if p.module is not None)
    return next((module.made_at for module in modules if module is not None), None)


def _missed(signals: Signals, fit: Fit) -> tuple[Where, str] | None:
    """The test of names that thaws nothing, or not all that it was to thaw in a fit that learns little."""
    names = [parameter.name for parameter in fit.parameters]
    for file in signals.run.sources:
        for where, texts in signals.places.thawed_by_name(file):
            lost = [text for text in texts if not any(text in name for name in names)]
            if lost and (len(lost) == len(texts) or fit.gain < LEARNED):
                return where, lost[0]
    return None


def _varied(fit: Fit, parameter: Parameter) -> bool:
    """Whether a parameter's values look drawn at random: a fixed table or filter of constants is meant to stand."""
    deviation, _, equal = fit.initial(parameter)
    return bool(deviation > 0 and not equal > TABLE)


def _repeats(earlier: Fit, fit: Fit, frozen: list[Parameter]) -> bool:
    """Whether a fit trains the same few parameters as an earlier one, with a new optimizer that was given frozen
    ones too."""
    same = set(earlier.objective.reached) == set(fit.objective.reached) and bool(fit.objective.reached)
    others = {o.id for o in earlier.followed_by}
    given = {n for o in fit.followed_by if o.id not in others for n in o.parameters}
    return same and bool(given) and {p.id for p in frozen} <= given and bool(np.any(~fit.reached))


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Let what was frozen learn."""
    where = finding.where
    if where is None:
        return
    text = text_at(signals.run.sources, where)
    call = signals.places.call_at(where)
    if where == flag_on_a_network(signals.places, where.file, "True"):
        for flag in signals.places.nodes_at(where, ast.Assign):
            code = f"{ast.unparse(flag.targets[0])}_(True)"
            yield Change("let the network's parameters learn", (replace(where, code),))
    elif where == frozen_by_another_name(signals.places, where.file):
        for named in signals.places.nodes_at(where, ast.Assign):
            copied = replace(
                signals.places.where(where.file, named.value), f"copy.deepcopy({ast.unparse(named.value)})"
            )
            yield Change("freeze a copy", (insert_before(where, "import copy"), copied))
    elif where == misspelt(signals.places, where.file, LEARNS):
        for attribute in signals.places.nodes_at(where, ast.Attribute):
            edits = (replace(where, f"{ast.unparse(attribute.value)}.{LEARNS}"),)
            yield Change("set the attribute that is meant", edits)
    elif call is not None and called(call) == "requires_grad_":
        yield Change("let these parameters learn", (replace(where, "{self}.requires_grad_(True)"),))
    elif call is not None and called(call) == "Parameter":
        yield Change("let this parameter learn", (set_argument(where, LEARNS, "True"),))
    elif text.endswith("False"):
        yield Change("let these parameters learn", (set_value(where, "True"),))
    else:
        condition = signals.places.condition_around(where)
        if condition is not None and "requires_grad" in text_at(signals.run.sources, condition):
            yield Change("set it for each parameter, frozen ones too", (unconditional(where),))

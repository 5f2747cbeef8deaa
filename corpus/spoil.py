"""Spoilings: ways to break a sound training script, each the change of a few characters that people make unawares.

A spoiling gets a `Script` and gives its changed text, or None where there is nothing to change. It knows nothing of how
headtorch reads a script, so that it does not only break what is looked for.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

Change = tuple[int, int, str]  # from one byte to another, and what stands there instead
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adamax")
ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "elu", "leaky_relu", "ReLU", "Tanh", "GELU", "SiLU", "ELU", "LeakyReLU")


class Script:
    """A script's text beside its syntax tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        lines = text.encode().splitlines(keepends=True)
        self._starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]

    def start(self, node: ast.expr | ast.stmt) -> int:
        """The byte where a node begins."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        """The byte behind a node."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.expr | ast.stmt) -> str:
        """A node's text."""
        return self.text.encode()[self.start(node) : self.end(node)].decode()

    def instead(self, node: ast.expr | ast.stmt, text: str) -> Change:
        """The change of a node into some text."""
        return self.start(node), self.end(node), text

    def before(self, statement: ast.stmt, line: str) -> Change:
        """The change that puts a line before a statement."""
        return self.start(statement), self.start(statement), line + "\n" + " " * statement.col_offset

    def after(self, statement: ast.stmt, line: str) -> Change:
        """The change that puts a line behind a statement."""
        return self.end(statement), self.end(statement), "\n" + " " * statement.col_offset + line

    def changed(self, changes: Iterable[Change]) -> str | None:
        """The text with some changes, the last in the file first; None without any."""
        text = self.text.encode()
        ordered = sorted(changes, reverse=True)
        for start, end, new in ordered:
            text = text[:start] + new.encode() + text[end:]
        return text.decode() if ordered else None

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """The calls of what has one of some names, whatever it is an attribute of."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and _last_name(node.func) in names:
                yield node

    def statements(self) -> Iterator[ast.stmt]:
        """Every statement."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.stmt))

    @cached_property
    def optimizer(self) -> Optimizer | None:
        """The first optimizer that is given all parameters of one network."""
        for statement in self.statements():
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                call = statement.value
                if _last_name(call.func) in OPTIMIZERS and call.args and isinstance(call.args[0], ast.Call):
                    given = call.args[0]
                    if isinstance(given.func, ast.Attribute) and given.func.attr == "parameters":
                        return Optimizer(statement, call, given, self.of(given.func.value))
        return None

    def steps(self) -> Iterator[ast.Expr]:
        """The statements that let that optimizer take a step."""
        if self.optimizer is None:
            return
        name = self.of(self.optimizer.statement.targets[0])
        for statement in self.statements():
            if isinstance(statement, ast.Expr) and self.of(statement) == f"{name}.step()":
                yield statement

    def losses(self, function: str, criterion: str) -> Iterator[ast.Call]:
        """The calls of a loss: its function, or a name that is bound to its module."""
        names = {function}
        for statement in self.statements():
            if isinstance(statement, ast.Assign) and isinstance(made := statement.value, ast.Call):
                names |= {_last_name(statement.targets[0]) or function} if _last_name(made.func) == criterion else set()
        return (call for call in self.calls(*names) if len(call.args) >= 2)


class Optimizer(NamedTuple):
    """Where an optimizer is made: the statement, the call, the parameters that it is given, and the network's name."""

    statement: ast.Assign
    call: ast.Call
    given: ast.Call
    model: str


class Spoiling(NamedTuple):
    """A way to break a script, and the causes that are then true of it."""

    causes: frozenset[str]
    apply: Callable[[Script], str | None]


def _last_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _option(script: Script, names: Iterable[str], option: str, form: str) -> str | None:
    """An option of some calls in another form, which has a place for what it was."""
    return script.changed(
        script.instead(keyword.value, form.format(script.of(keyword.value)))
        for call in script.calls(*names)
        for keyword in call.keywords
        if keyword.arg == option
    )


def _without(script: Script, is_meant: Callable[[str], bool]) -> str | None:
    """The script without some statements."""
    return script.changed(
        script.instead(statement, "pass")
        for statement in script.statements()
        if isinstance(statement, ast.Expr) and is_meant(script.of(statement))
    )


def _compared(script: Script, function: str, criterion: str, argument: int, form: str) -> str | None:
    """A loss that gets its prediction (0) or its target (1) in another form."""
    calls = script.losses(function, criterion)
    return script.changed(
        script.instead(call.args[argument], form.format(script.of(call.args[argument]))) for call in calls
    )


def _prepared(script: Script, line: str) -> str | None:
    """A line before the optimizer is made; it has a place for the network's name."""
    made = script.optimizer
    return script.changed([script.before(made.statement, line.format(made.model))]) if made else None


def _given(script: Script, form: str) -> str | None:
    """An optimizer whose parameters are given in another form, which has a place for what they were."""
    made = script.optimizer
    return script.changed([script.instead(made.given, form.format(script.of(made.given)))]) if made else None


def _no_activations(script: Script) -> str | None:
    changes = []
    for call in script.calls(*ACTIVATIONS):
        if (_last_name(call.func) or "")[0].isupper():
            changes.append(script.instead(call, "torch.nn.Identity()"))
        elif isinstance(call.func, ast.Attribute):
            inner = call.args[0] if call.args else call.func.value
            changes.append(script.instead(call, f"({script.of(inner)})"))
    nested = [
        change for change in changes if any(o[0] <= change[0] < change[1] <= o[1] for o in changes if o != change)
    ]
    return script.changed(change for change in changes if change not in nested)


def _clipped(script: Script) -> str | None:
    made = script.optimizer
    if made is None or _last_name(made.call.func) != "SGD" or "clip_grad" in script.text:
        return None
    line = f"torch.nn.utils.clip_grad_norm_({made.model}.parameters(), 1e-4)"
    return script.changed(script.before(step, line) for step in script.steps())


def _scheduled(script: Script) -> str | None:
    made = script.optimizer
    steps = list(script.steps())
    if made is None or not steps or "lr_scheduler" in script.text:
        return None
    name = script.of(made.statement.targets[0])
    schedule = f"{name}_schedule = torch.optim.lr_scheduler.ExponentialLR({name}, 0.9)"
    return script.changed(
        [script.after(made.statement, schedule), *(script.after(step, f"{name}_schedule.step()") for step in steps)]
    )


def _decayed(script: Script) -> str | None:
    made = script.optimizer
    if made is None or any(keyword.arg == "weight_decay" for keyword in made.call.keywords):
        return None
    end = script.end(made.call) - 1
    return script.changed([(end, end, ", weight_decay=2.0")])


def _one_batch(script: Script) -> str | None:
    """Each pass over a data loader shows its first batch again and again."""
    return script.changed(
        script.instead(node.iter, f"[next(iter({script.of(node.iter)}))] * len({script.of(node.iter)})")
        for node in ast.walk(script.tree)
        if isinstance(node, ast.For) and "loader" in script.of(node.iter) and "train" in script.of(node.iter)
    )


def _scaled_input(script: Script) -> str | None:
    """What the network is given, in another unit."""
    made = script.optimizer
    if made is None:
        return None
    return script.changed(
        script.instead(node.args[0], f"({script.of(node.args[0])}) * 300 + 500")
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Call)
        and script.of(node.func) == made.model
        and len(node.args) == 1
        and not isinstance(node.args[0], ast.Starred)
    )


def _other_axis(script: Script) -> str | None:
    """A softmax inside the network over the batch."""
    return script.changed(
        script.instead(place, "0")
        for call in script.calls("softmax")
        for place in [*call.args[-1:], *(keyword.value for keyword in call.keywords if keyword.arg == "dim")]
        if script.of(place) in ("-1", "1", "2")
    )


def _climbing(script: Script) -> str | None:
    return script.changed(
        script.instead(call.func.value, f"(-({script.of(call.func.value)}))")
        for call in script.calls("backward")
        if isinstance(call.func, ast.Attribute) and not call.args
    )


def _never_training(script: Script) -> str | None:
    if "BatchNorm" not in script.text:
        return None
    calls = [call for call in script.calls("train") if isinstance(call.func, ast.Attribute) and not call.args]
    return script.changed(
        script.instead(call, f"{script.of(call.func.value)}.eval()")
        for call in calls
        if isinstance(call.func, ast.Attribute)
    )


def _always_training(script: Script) -> str | None:
    known = "BatchNorm" in script.text or "Dropout" in script.text
    return _without(script, lambda line: line.endswith(".eval()")) if known else None


def _constant(value: str) -> Callable[[Script], str | None]:
    line = "for _p in {}.parameters(): torch.nn.init.constant_(_p, " + value + ")"
    return lambda script: _prepared(script, line)


def _scaled_weights(factor: str) -> Callable[[Script], str | None]:
    line = "for _p in {}.parameters(): _p.data.mul_(" + factor + " if _p.dim() > 1 else 1)"
    return lambda script: _prepared(script, line)


def _cross_entropy(argument: int, form: str) -> Callable[[Script], str | None]:
    return lambda script: _compared(script, "cross_entropy", "CrossEntropyLoss", argument, form)


def _squared_error(form: str) -> Callable[[Script], str | None]:
    return lambda script: _compared(script, "mse_loss", "MSELoss", 1, form)


def _spoiling(causes: str, apply: Callable[[Script], str | None]) -> Spoiling:
    return Spoiling(frozenset(causes.split()), apply)


SPOILINGS = {
    "a rate 300 times as high": _spoiling(
        "lr-too-high exploding-gradients dead-relu", lambda s: _option(s, OPTIMIZERS, "lr", "({}) * 300")
    ),
    "a rate 3000 times lower": _spoiling("lr-too-low", lambda s: _option(s, OPTIMIZERS, "lr", "({}) / 3000")),
    "gradients never reset": _spoiling("no-zero-grad", lambda s: _without(s, lambda line: "zero_grad(" in line)),
    "no step": _spoiling("no-optimizer-step", lambda s: s.changed(s.instead(step, "pass") for step in s.steps())),
    "no non-linearity": _spoiling("linear-collapse", _no_activations),
    "softmax before cross entropy": _spoiling("double-softmax", _cross_entropy(0, "({}).softmax(1)")),
    "predictions detached": _spoiling("graph-detached", _cross_entropy(0, "({}).detach().requires_grad_()")),
    "labels in another order": _spoiling("labels-misaligned", _cross_entropy(1, "({0})[torch.randperm(len({0}))]")),
    "targets in another unit": _spoiling("target-not-normalised", _squared_error("1000 * ({})")),
    "targets without their dimension": _spoiling("broadcast-loss", _squared_error("({}).reshape(-1)")),
    "inputs in another unit": _spoiling("input-not-normalised", _scaled_input),
    "weights of zero": _spoiling("zero-or-constant-init", _constant("0.0")),
    "weights all alike": _spoiling("zero-or-constant-init", _constant("0.05")),
    "weights 15 times as large": _spoiling(
        "init-too-large exploding-gradients saturated-activations", _scaled_weights("15")
    ),
    "weights 100 times smaller": _spoiling("init-too-small vanishing-gradients", _scaled_weights("0.01")),
    "all but the head frozen": _spoiling(
        "frozen-by-mistake",
        lambda s: _prepared(s, "for _p in list({}.parameters())[:-2]: _p.requires_grad_(False)"),
    ),
    "only the head given to the optimizer": _spoiling("params-not-in-optimizer", lambda s: _given(s, "list({})[-2:]")),
    "a weight decay of 2": _spoiling("weight-decay-too-high", _decayed),
    "a momentum of 0.999": _spoiling(
        "momentum-too-high lr-too-high", lambda s: _option(s, ("SGD",), "momentum", "0.999")
    ),
    "a dropout of 0.97": _spoiling(
        "dropout-too-high",
        lambda s: s.changed(s.instead(call.args[0], "0.97") for call in s.calls("Dropout", "Dropout2d") if call.args),
    ),
    "the loss negated": _spoiling("update-sign-flipped", _climbing),
    "trained in eval mode": _spoiling("eval-mode-in-training", _never_training),
    "evaluated in train mode": _spoiling("train-mode-in-eval", _always_training),
    "gradients clipped to 0.0001": _spoiling("clip-too-small", _clipped),
    "a rate that shrinks by a tenth a step": _spoiling("lr-schedule-kills", _scheduled),
    "one batch for ever": _spoiling("constant-or-duplicate-batch overfitting", _one_batch),
    "softmax over the batch": _spoiling("wrong-dimension", _other_axis),
}

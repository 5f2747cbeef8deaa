"""Belonging: what belongs together, an example and its target, and is treated apart."""

from __future__ import annotations

import ast

from headtorch.model import Where
from headtorch.places.trees import Trees, assigned_names, called, nodes

FLATTENED = ".flatten(0, 1)"
TURNS = ("flip", "fliplr", "flipud", "hflip", "vflip", "rot90", "roll", "rotate")  # what moves each pixel


def interleaved(trees: Trees, file: str) -> Where | None:
    """Where a function repeats each label k times in a row, though it puts k batches one behind the other:
    `torch.cat([first, second])` beside `labels.repeat_interleave(2)`."""
    for function in nodes(trees, file):
        if not isinstance(function, (ast.FunctionDef, ast.For)):
            continue
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        behind = {
            len(call.args[0].elts)
            for call in calls
            if called(call) == "cat"
            and len(call.args) == 1
            and isinstance(call.args[0], (ast.List, ast.Tuple))
            and not call.keywords
        }
        for call in calls:
            times = call.args[-1].value if call.args and isinstance(call.args[-1], ast.Constant) else None
            if called(call) == "repeat_interleave" and times in behind and times != 1 and not call.keywords:
                return trees.where(file, call)
    return None


def repeated_as_a_whole(trees: Trees, file: str) -> Where | None:
    """Where a function repeats one thing n times as a whole, `x.repeat(n, 1)`, and lays out the n parts of another that
    belong to each example in turns: `n = y.size(1)`, `y.flatten(0, 1)`."""
    for function in nodes(trees, file):
        if not isinstance(function, ast.FunctionDef):
            continue
        inside = list(ast.walk(function))
        counts = {
            name: owner
            for node in inside
            if isinstance(node, ast.Assign) and (owner := _second_length(node.value)) is not None
            for name in assigned_names(node)
        }
        calls = [node for node in inside if isinstance(node, ast.Call)]
        texts = map(ast.unparse, calls)
        in_turns = {text.removesuffix(FLATTENED) for text in texts if text.endswith(FLATTENED)}
        for call in calls:
            if called(call) == "repeat" and call.args:
                owner = _second_length(call.args[0]) or counts.get(ast.unparse(call.args[0]))
                if owner in in_turns and all(ast.unparse(times) == "1" for times in call.args[1:]):
                    return trees.where(file, call)
    return None


def _second_length(value: ast.expr) -> str | None:
    """What an expression asks for its second length: `y` for `y.size(1)` and `y.shape[1]`."""
    text = ast.unparse(value)
    return next((text.removesuffix(end) for end in (".size(1)", ".shape[1]") if text.endswith(end)), None)


def turned_alone(trees: Trees, file: str) -> Where | None:
    """Where one of two things that a function is given and gives back is flipped or turned, and the other is not."""
    for function in nodes(trees, file):
        if not isinstance(function, ast.FunctionDef):
            continue
        given = {argument.arg for argument in function.args.args}
        pairs = [
            {ast.unparse(each) for each in node.value.elts}
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2
        ]
        if not pairs:
            continue
        changed = {name for node in ast.walk(function) for name in _changed(node)}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and called(node.value) in TURNS:
                (name,) = assigned_names(node)[:1] or [""]
                if any(name in pair <= given and not (pair - {name}) & changed for pair in pairs):
                    return trees.where(file, node)
    return None


def _changed(node: ast.AST) -> set[str]:
    """The names that a node binds, or of which it changes a part, as `boxes[:, 0] = ...` or `boxes.clamp_(0)`."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
        changed: ast.expr = node
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_"):
        changed = node.func.value
    else:
        return set()
    while isinstance(changed, (ast.Attribute, ast.Subscript)):
        changed = changed.value
    return {changed.id} if isinstance(changed, ast.Name) else set()


def by_batch_number(trees: Trees, file: str) -> Where | None:
    """Where what was gathered batch by batch from a loader that shuffles is looked up by the number of the batch, when
    the loader is gone through again in another order."""
    shuffling = {
        name
        for node in nodes(trees, file)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and called(node.value) == "DataLoader"
        if any(k.arg == "shuffle" and ast.unparse(k.value) == "True" for k in node.value.keywords)
        for name in assigned_names(node)
    }
    if not shuffling:
        return None
    gathered = {
        (name, loader)
        for node in nodes(trees, file)
        if isinstance(node, ast.Assign)
        for name in assigned_names(node)
        for loader in shuffling & _gone_through(node.value)
    }
    for loop in nodes(trees, file):
        counted = _counted(loop) if isinstance(loop, ast.For) else None
        if counted is None or not isinstance(loop, ast.For):
            continue
        number, loader = counted
        for node in (each for statement in loop.body for each in ast.walk(statement)):
            if not isinstance(node, ast.Subscript) or ast.unparse(node.slice) != number:
                continue
            if (ast.unparse(node.value), loader) in gathered:
                return trees.where(file, node)
    return None


def _gone_through(value: ast.expr) -> set[str]:
    """The names that a comprehension goes through, or that a function is given."""
    if isinstance(value, ast.ListComp):
        return {ast.unparse(value.generators[0].iter)}
    return {ast.unparse(argument) for argument in value.args} if isinstance(value, ast.Call) else set()


def _counted(loop: ast.For) -> tuple[str, str] | None:
    """The names of the number and of what is gone through, of a loop over `enumerate(loader)`."""
    over, target = loop.iter, loop.target
    if isinstance(over, ast.Call) and called(over) == "enumerate" and over.args and isinstance(target, ast.Tuple):
        return ast.unparse(target.elts[0]), ast.unparse(over.args[0])
    return None

"""Aliases: what is kept by its reference, and is another thing by the time it is looked at."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from headtorch.model import Where
from headtorch.places.trees import Trees, called, nodes

COPYING = {"copy", "deepcopy", "clone", "array"}
SHARING = ("from_numpy", "as_tensor", "asarray")  # conversions that copy nothing


def frozen_by_another_name(trees: Trees, file: str) -> Where | None:
    """Where a network gets a second name, `teacher = model`, is frozen by it, and goes on by its first."""
    for function in nodes(trees, file):
        if not isinstance(function, (ast.FunctionDef, ast.Module)):
            continue
        inside = list(ast.walk(function))
        stored = Counter(node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        for node in inside:
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Name):
                continue
            target, first = node.targets[0], node.value.id
            if not isinstance(target, ast.Name) or stored[target.id] > 1:
                continue
            later = [each for each in inside if getattr(each, "lineno", 0) > node.lineno]
            anew = any(isinstance(n, ast.Name) and n.id == first and isinstance(n.ctx, ast.Store) for n in later)
            runs = {called(each) for each in later if isinstance(each, ast.Call)}
            if not anew and {target.id, first} <= runs and any(_freezes(each, target.id) for each in later):
                return trees.where(file, node)
    return None


def _freezes(node: ast.AST, network: str) -> bool:
    """Whether the parameters of a network are told to require no gradient, at once or in a loop."""
    if isinstance(node, ast.Call) and called(node) == "requires_grad_" and isinstance(node.func, ast.Attribute):
        return ast.unparse(node.func.value) == network and [ast.unparse(each) for each in node.args] == ["False"]
    if not isinstance(node, ast.For) or ast.unparse(node.iter) != f"{network}.parameters()":
        return False
    written = {ast.unparse(statement) for statement in node.body}
    over = ast.unparse(node.target)
    return bool(written & {f"{over}.requires_grad = False", f"{over}.requires_grad_(False)"})


def kept_buffer(trees: Trees, file: str) -> Where | None:
    """Where a loop appends an array that it fills anew at each turn, and not a copy: all that is kept is the last."""
    for loop in nodes(trees, file):
        if not isinstance(loop, (ast.For, ast.While)):
            continue
        inside = [node for statement in loop.body for node in ast.walk(statement)]
        stored = [node for node in inside if isinstance(getattr(node, "ctx", None), ast.Store)]
        rebound = {node.id for node in stored if isinstance(node, ast.Name)}
        filled = {root.id for node in stored if isinstance(node, ast.Subscript) and (root := _root(node))} - rebound
        for call in inside:
            if isinstance(call, ast.Call) and called(call) == "append":
                for kept in _uncopied(call.args):
                    if kept.id in filled:
                        return trees.where(file, kept)
    return None


def handed_out(trees: Trees, file: str) -> Where | None:
    """Where a method returns an array of its object's own, which a method fills anew in place, in a file that keeps
    things in a list or a memory, and never copies one."""
    every = list(nodes(trees, file))
    calls = {called(node) for node in every if isinstance(node, ast.Call)}
    if "append" not in calls or calls & COPYING:
        return None
    for defined in (node for node in every if isinstance(node, ast.ClassDef)):
        methods = [node for node in defined.body if isinstance(node, ast.FunctionDef) and node.name != "__init__"]
        inside = [node for method in methods for node in ast.walk(method)]
        filled = {
            ast.unparse(node.value)
            for node in inside
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.slice, ast.Slice)
        }
        for node in inside:
            returned = node.value if isinstance(node, ast.Return) else None
            if isinstance(returned, ast.Attribute) and ast.unparse(returned) in filled:
                return trees.where(file, node)
    return None


def cleared_list(trees: Trees, file: str) -> Where | None:
    """Where a list is kept that is cleared for the next turn, and not a copy: all that is kept is one list."""
    calls = [node for node in nodes(trees, file) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    cleared = {ast.unparse(c.func.value) for c in calls if called(c) == "clear" and isinstance(c.func, ast.Attribute)}
    for call in calls:
        if called(call) == "append":
            for argument in call.args:
                parts = argument.elts if isinstance(argument, (ast.Tuple, ast.List)) else [argument]
                for kept in parts:
                    if isinstance(kept, (ast.Name, ast.Attribute)) and ast.unparse(kept) in cleared:
                        return trees.where(file, kept)
    return None


def repeated(trees: Trees, file: str) -> Where | None:
    """Where a list of layers is one layer several times, `[make()] * n`."""
    for node in nodes(trees, file):
        if isinstance(node, ast.Call) and called(node) in ("ModuleList", "Sequential"):
            for part in ast.walk(node):
                if not isinstance(part, ast.BinOp) or not isinstance(part.left, ast.List):
                    continue
                if isinstance(part.op, ast.Mult) and any(isinstance(each, ast.Call) for each in part.left.elts):
                    return trees.where(file, part)
    return None


def live_state(trees: Trees, file: str) -> Where | None:
    """Where a loop keeps `net.state_dict()`, the weights themselves and not a copy, to load them into that network
    again: they are then what it has become."""
    loaded = {
        (ast.unparse(node.func.value), ast.unparse(node.args[0]))
        for node in nodes(trees, file)
        if isinstance(node, ast.Call)
        and called(node) == "load_state_dict"
        and isinstance(node.func, ast.Attribute)
        and node.args
    }
    for loop in nodes(trees, file) if loaded else ():
        for node in ast.walk(loop) if isinstance(loop, (ast.For, ast.While)) else ():
            value = node.value if isinstance(node, ast.Assign) else None
            if not isinstance(value, ast.Call) or called(value) != "state_dict" or not isinstance(node, ast.Assign):
                continue
            owner = ast.unparse(value.func.value) if isinstance(value.func, ast.Attribute) else ""
            if any((owner, ast.unparse(target)) in loaded for target in node.targets):
                return trees.where(file, node)
    return None


def _root(node: ast.Subscript) -> ast.Name | None:
    """The variable of which a part is taken."""
    value: ast.expr = node
    while isinstance(value, ast.Subscript):
        value = value.value
    return value if isinstance(value, ast.Name) else None


def _uncopied(values: Sequence[ast.expr]) -> Iterator[ast.Name]:
    """The names that stand in values as they are, in a tuple, or in a conversion that shares their memory."""
    for value in values:
        if isinstance(value, ast.Name):
            yield value
        elif isinstance(value, (ast.Tuple, ast.List)):
            yield from _uncopied(value.elts)
        elif isinstance(value, ast.Call) and called(value) in SHARING:
            yield from _uncopied(value.args)

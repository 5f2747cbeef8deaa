"""Slips: what was written by mistake and means something else, which Python does not notice. Each gives its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise

from headtorch.model import Where
from headtorch.places.trees import Trees, called

# Distributions that can draw by a gradient's way, rsample(), beside sample().
REPARAMETERISED = (
    "Normal",
    "LogNormal",
    "MultivariateNormal",
    "Independent",
    "Laplace",
    "Gumbel",
    "Beta",
    "Gamma",
    "Dirichlet",
    "Uniform",
    "RelaxedOneHotCategorical",
    "RelaxedBernoulli",
)
SHARING = ("from_numpy", "as_tensor", "asarray")  # conversions that copy nothing
NEAR = 0.85  # of the letters, of two names: `require_grad` is near `requires_grad`, `grad` is not


def misspelt(trees: Trees, file: str, attribute: str) -> Where | None:
    """Where an attribute is set whose name is nearly, but not quite, the given one."""
    for node in _nodes(trees, file):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr != attribute:
            near = get_close_matches(node.attr, [attribute], cutoff=NEAR)
            if near:
                return trees.where(file, node)
    return None


def twice(trees: Trees, file: str, method: str) -> Where | None:
    """The second of two calls of a method that stand one after the other and are the same to the letter."""
    for node in _nodes(trees, file):
        block = getattr(node, "body", None)
        for one, other in pairwise(block) if isinstance(block, list) else ():
            call = other.value if isinstance(other, ast.Expr) else None
            if isinstance(call, ast.Call) and called(call) == method and ast.unparse(one) == ast.unparse(other):
                return trees.where(file, call)
    return None


def mode_not_passed_on(trees: Trees, file: str) -> Where | None:
    """Where a module's own `train(self, mode)` calls that of its base class without the mode."""
    for function in _nodes(trees, file):
        if isinstance(function, ast.FunctionDef) and function.name == "train" and len(function.args.args) > 1:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call) == "super().train()":
                    return trees.where(file, call)
    return None


def dropped(trees: Trees, file: str, *methods: str) -> Where | None:
    """Where a method is called whose result, all that it gives, is dropped."""
    for node in _nodes(trees, file):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and called(node.value) in methods:
            return trees.where(file, node.value)
    return None


def bound_anew(trees: Trees, file: str, method: str) -> Where | None:
    """Where a loop over the results of a method, as of `net.parameters()`, ends by binding its own variable anew,
    `p = q.clone()`, which changes nothing."""
    for loop in _nodes(trees, file):
        if isinstance(loop, ast.For) and any(
            called(n) == method for n in ast.walk(loop.iter) if isinstance(n, ast.Call)
        ):
            items = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
            last = loop.body[-1]
            if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name) and last.targets[0].id in items:
                return trees.where(file, last)
    return None


def sampled(trees: Trees, file: str) -> Where | None:
    """Where a distribution draws by `sample()`, past the gradient, though it could by `rsample()`, in a file that asks
    for no likelihood of what is drawn."""
    calls = [node for node in _nodes(trees, file) if isinstance(node, ast.Call)]
    if any(called(call) == "log_prob" for call in calls):
        return None
    made = [node for node in _nodes(trees, file) if isinstance(node, ast.Assign) and _is_distribution(node.value)]
    names = {ast.unparse(node.targets[0]) for node in made}
    for call in calls:
        if called(call) == "sample" and isinstance(call.func, ast.Attribute):
            drawn_from = call.func.value
            if _is_distribution(drawn_from) or ast.unparse(drawn_from) in names:
                return trees.where(file, call)
    return None


def _is_distribution(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and called(node) in REPARAMETERISED


def interleaved(trees: Trees, file: str) -> Where | None:
    """Where a function repeats each label k times in a row, though it puts k batches one behind the other:
    `torch.cat([first, second])` beside `labels.repeat_interleave(2)`."""
    for function in _nodes(trees, file):
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


def kept_buffer(trees: Trees, file: str) -> Where | None:
    """Where a loop appends an array that it fills anew at each turn, and not a copy: all that is kept is the last."""
    for loop in _nodes(trees, file):
        if not isinstance(loop, (ast.For, ast.While)):
            continue
        nodes = [node for statement in loop.body for node in ast.walk(statement)]
        stored = [node for node in nodes if isinstance(getattr(node, "ctx", None), ast.Store)]
        rebound = {node.id for node in stored if isinstance(node, ast.Name)}
        filled = {root.id for node in stored if isinstance(node, ast.Subscript) and (root := _root(node))} - rebound
        for call in nodes:
            if isinstance(call, ast.Call) and called(call) == "append":
                for kept in _uncopied(call.args):
                    if kept.id in filled:
                        return trees.where(file, kept)
    return None


def _nodes(trees: Trees, file: str) -> Iterator[ast.AST]:
    tree = trees.tree(file)
    return iter(()) if tree is None else ast.walk(tree)


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

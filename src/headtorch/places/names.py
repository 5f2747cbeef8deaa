"""Names: what a source looks for in the names of parameters before it lets them learn."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from headtorch.places.trees import assigned_names, called


def thawed(tree: ast.AST) -> Iterator[tuple[ast.expr, tuple[str, ...]]]:
    """The tests of a name under which `requires_grad` becomes True, each with the texts that it looks for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(_is_switch(target) for target in node.targets):
            yield from _tests(tree, node.value)
        elif isinstance(node, ast.If) and any(_turns_on(statement) for statement in node.body):
            yield from _tests(tree, node.test)


def _is_switch(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == "requires_grad"


def _turns_on(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign) and any(_is_switch(target) for target in statement.targets):
        return isinstance(statement.value, ast.Constant) and statement.value.value is True
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and called(call) == "requires_grad_" and not _false(call.args)


def _false(arguments: list[ast.expr]) -> bool:
    return any(isinstance(each, ast.Constant) and each.value is False for each in arguments)


def _tests(tree: ast.AST, test: ast.expr) -> Iterator[tuple[ast.expr, tuple[str, ...]]]:
    """`"fc" in name`, `name.startswith(("layer4", "fc"))`, `any(part in name for part in parts)`."""
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _tests(tree, value)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.In):
        yield test, _texts(tree, test.left)
    elif isinstance(test, ast.Call) and called(test) in ("startswith", "endswith") and test.args:
        yield test, _texts(tree, test.args[0])
    elif isinstance(test, ast.Call) and called(test) == "any" and isinstance(test.args[0], ast.GeneratorExp):
        inner, each = test.args[0].elt, test.args[0].generators[0]
        if isinstance(inner, ast.Call) or (isinstance(inner, ast.Compare) and isinstance(inner.ops[0], ast.In)):
            yield test, _texts(tree, each.iter)


def _texts(tree: ast.AST, value: ast.expr) -> tuple[str, ...]:
    """The texts that are written out, here or where the variable of that name is assigned."""
    if isinstance(value, ast.Name):
        given = [n.value for n in ast.walk(tree) if isinstance(n, ast.Assign) and value.id in assigned_names(n)]
        return _texts(tree, given[0]) if len(given) == 1 and not isinstance(given[0], ast.Name) else ()
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List, ast.Set)) else [value]
    return tuple(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))

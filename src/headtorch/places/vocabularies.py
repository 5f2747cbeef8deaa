"""Vocabularies: where words are given numbers, and where those of the evaluated texts are given others."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from headtorch.model import Where
from headtorch.places.trees import Trees, called, nodes


def numbered_again(trees: Trees, evaluated: Where) -> Where | None:
    """The call that numbers the words of what is evaluated, where another call numbers those of other texts.

    `evaluated` is the statement that makes the evaluated data. A call that is given the numbers of another one makes
    none.
    """
    tree = trees.tree(evaluated.file)
    statement = next(iter(trees.nodes_at(Where(evaluated.file, evaluated.line), ast.Assign)), None)
    if tree is None or statement is None:
        return None
    mentioned = _data(statement)
    builders = dict(_builders(tree))
    calls = [
        (call, trees.where(evaluated.file, call))
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and called(call) in builders and not _is_given(call, *builders[called(call)])
    ]
    ours = [
        (call, place)
        for call, place in calls
        if _is_in(call, statement) or any(mentioned & _data(argument) for argument in call.args[:1])
    ]
    others = {called(call) for call, _ in calls if all(call is not own for own, _ in ours)}
    return next((place for call, place in ours if called(call) in others), None)


def codes_of_its_own(trees: Trees, file: str) -> Where | None:
    """Where a function numbers the categories in a column of the table that it is given, in the order in which they
    come, and is given several tables."""
    every = list(nodes(trees, file))
    calls = [node for node in every if isinstance(node, ast.Call) and node.args]
    owners = {id(part): node.name for node in every if isinstance(node, ast.ClassDef) for part in node.body}
    for function in every:
        if not isinstance(function, ast.FunctionDef):
            continue
        given = {argument.arg for argument in function.args.args}
        named = [call for call in calls if called(call) == function.name]
        tables = {ast.unparse(call.args[0]) for call in named if _is_of(every, call, owners.get(id(function)))}
        for node in ast.walk(function) if len(tables) > 1 else ():
            if not isinstance(node, ast.Call) or called(node) != "factorize" or not node.args or node.keywords:
                continue  # sorted, equal categories get equal numbers
            column = node.args[0]
            if isinstance(column, ast.Subscript) and isinstance(column.value, ast.Name) and column.value.id in given:
                return trees.where(file, node)
    return None


def _is_of(every: Sequence[ast.AST], call: ast.Call, owner: str | None) -> bool:
    """Whether a call is of a plain function, or of a method of what was made by the class `owner`."""
    if owner is None or not isinstance(call.func, ast.Attribute):
        return owner is None and isinstance(call.func, ast.Name)
    receiver = ast.unparse(call.func.value)
    made = (node for node in every if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == receiver)
    return any(f"{owner}(" in ast.unparse(node.value) for node in made)


def _builders(tree: ast.Module) -> Iterator[tuple[str, tuple[str | None, int]]]:
    """The functions, methods and classes that number words, each with the parameter that spares it and its position."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    owners = {id(part): node.name for node in classes for part in node.body if isinstance(part, ast.FunctionDef)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or (found := _numbering(node)) is None:
            continue
        owner = owners.get(id(node))
        parameters = [argument.arg for argument in node.args.args][owner is not None :]  # without self
        spares = _guard(node, found)
        name = owner if owner is not None and node.name == "__init__" else node.name
        yield name, (spares, parameters.index(spares) if spares in parameters else -1)


def _numbering(function: ast.FunctionDef) -> ast.AST | None:
    """What gives words their numbers in a function: a dictionary made by `enumerate`, or by its own length."""
    for node in ast.walk(function):
        if isinstance(node, ast.DictComp) and any(
            isinstance(g.iter, ast.Call) and called(g.iter) == "enumerate" for g in node.generators
        ):
            return node
        if isinstance(node, ast.Call) and called(node) == "setdefault" and "len(" in ast.unparse(node):
            return node
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Subscript):
            by_length = ast.unparse(node.value).startswith(f"len({ast.unparse(target.value)}")
            if by_length:
                return node
    return None


def _guard(function: ast.FunctionDef, numbering: ast.AST) -> str | None:
    """The parameter without which alone words are numbered: `if vocabulary is None`."""
    for node in ast.walk(function):
        if isinstance(node, (ast.If, ast.IfExp)) and _is_in(numbering, node):
            test = node.test
            if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name):
                return test.left.id
            if isinstance(test, ast.UnaryOp) and isinstance(test.operand, ast.Name):
                return test.operand.id
    return None


def _is_given(call: ast.Call, parameter: str | None, position: int) -> bool:
    """Whether a call passes a parameter."""
    named = any(keyword.arg == parameter for keyword in call.keywords)
    return parameter is not None and (named or 0 <= position < len(call.args))


def _is_in(node: ast.AST, outer: ast.AST) -> bool:
    return any(inner is node for inner in ast.walk(outer))


def _data(code: ast.AST) -> set[str]:
    """The names in some code, but for those that are called."""
    names = {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
    return names - {
        node.func.id for node in ast.walk(code) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

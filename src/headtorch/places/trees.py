"""Trees: the user's sources, parsed, and the places of their expressions. Runs nothing of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

from headtorch.model import Where

Node = TypeVar("Node", bound=ast.AST)


class Trees:
    """The parsed sources of a run, by file."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def tree(self, file: str) -> ast.Module | None:
        """The parsed source of a file, or None."""
        return _parse(self._sources[file]) if file in self._sources else None

    def call_at(self, where: Where) -> ast.Call | None:
        """The call that stands at a place."""
        tree = self.tree(where.file)
        if tree is None:
            return None
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.lineno == where.line]
        if where.column is not None:
            exact = [
                c for c in calls if self.where(where.file, c).column == where.column and c.end_lineno == where.end_line
            ]
            calls = [c for c in exact if self.where(where.file, c).end_column == where.end_column] or exact
        return max(calls, key=lambda call: call.end_col_offset or 0, default=None)

    def calls(self, file: str, *names: str) -> Iterator[tuple[ast.Call, Where]]:
        """The calls of functions or methods of these names in a file."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Call) and called(node) in names:
                yield node, self.where(file, node)

    def nodes_at(self, where: Where, kind: type[Node]) -> list[Node]:
        """The nodes of a kind that stand at a place, longest first; of a place without columns, those on its line."""
        tree = self.tree(where.file)
        on_line = [
            node
            for node in (ast.walk(tree) if tree is not None else ())
            if isinstance(node, kind) and getattr(node, "lineno", None) == where.line
        ]
        return [node for node in on_line if where.column is None or self.where(where.file, node) == where]

    def where(self, file: str, node: ast.AST) -> Where:
        """The place of a node of a file."""
        lines = self._sources[file].split("\n")

        def column(line: int, offset: int) -> int:
            return (
                len(lines[line - 1].encode()[:offset].decode(errors="replace")) + 1
                if line <= len(lines)
                else offset + 1
            )

        line, end = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        return Where(file, line, column(line, node.col_offset), column(end, node.end_col_offset), end)  # type: ignore[attr-defined]


@lru_cache(maxsize=32)
def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def nodes(trees: Trees, file: str) -> Iterator[ast.AST]:
    """All nodes of a file."""
    tree = trees.tree(file)
    return iter(()) if tree is None else iter(_all(tree))


@lru_cache(maxsize=32)  # many look through the same files
def _all(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def called(call: ast.Call) -> str:
    """The name of the function or method that a call calls."""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def assigned_names(statement: ast.AST) -> list[str]:
    """The plain names that a statement assigns to."""
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        return [statement.target.id]
    return []


def enclosing_function(tree: ast.Module, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The innermost function that holds a line."""
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(functions, key=lambda function: function.lineno, default=None)

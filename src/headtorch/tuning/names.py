"""Names: numbers that the user's sources give a telling name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from headtorch.model import Where
from headtorch.places.trees import assigned_names, called
from headtorch.signals import Signals


def named(signals: Signals, pattern: str) -> Iterator[Where]:
    """The places of whole numbers under a name that is such a pattern, in any case: a variable, an option of argparse,
    a field, an entry of a dictionary."""
    for file in signals.run.sources:
        tree = signals.places.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            for name, holder, value in _given(node):
                whole = isinstance(value, ast.Constant) and type(value.value) is int
                if whole and re.fullmatch(pattern, name.replace("-", "_"), re.IGNORECASE):
                    yield signals.places.where(file, holder)


def _given(node: ast.AST) -> Iterator[tuple[str, ast.AST, ast.AST | None]]:
    """The names that a node gives values, the node at whose place the value stands, and the value."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        yield from ((name, node, node.value) for name in assigned_names(node))
    elif isinstance(node, ast.Call) and called(node) == "add_argument":
        default = next((keyword for keyword in node.keywords if keyword.arg == "default"), None)
        for flag in flags(node) if default is not None else ():
            yield flag.lstrip("-"), default or node, default and default.value
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value, value


def flags(call: ast.Call) -> list[str]:
    """The flags of an option of argparse: `--lr`."""
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return [text for text in texts if text.startswith("-")]

"""Values: from an argument to the line where its value is written.

A value such as `lr=args.lr` is followed to where it is written: a default of argparse, a constant, an entry of a
dictionary, a parameter's default or the call that gives it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from headtorch.model import Where
from headtorch.places.trees import Trees, assigned_names, called, enclosing_function


class Values(Trees):
    """Follows values through the user's sources."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__(sources)
        self._following: set[tuple[str, str, int]] = set()

    def argument(self, stack: Sequence[Where], name: str, position: int | None = None) -> Where | None:
        """Where the value of an argument of the call at the innermost place of a stack is written.

        Falls back to the argument, then to the call; None only for an empty stack.
        """
        if not stack:
            return None
        call = self.call_at(stack[0])
        if call is None:
            return stack[0]
        keyword = next((k for k in call.keywords if k.arg == name), None)
        value = keyword.value if keyword else None
        if value is None and position is not None and position < len(call.args):
            value = call.args[position]
        if value is None:
            for group in ast.walk(call):  # per-parameter options: [{"params": ..., "lr": ...}]
                if isinstance(group, ast.Dict):
                    for key, entry in zip(group.keys, group.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == name:
                            value = entry
        tree = self.tree(stack[0].file)
        if value is None and tree is not None and any(k.arg is None for k in call.keywords):  # SGD(..., **settings)
            return self._entry(stack[0].file, tree, name) or stack[0]
        if value is None:
            return stack[0]
        shown = keyword if keyword is not None else value
        written = self.written(stack[0].file, value, stack)
        return written or self.where(stack[0].file, shown)

    def written(self, file: str, value: ast.expr, stack: Sequence[Where]) -> Where | None:
        """Where a value is written as a constant, following names; None when it is one already or cannot be
        followed."""
        tree = self.tree(file)
        if tree is None:
            return None
        if isinstance(value, ast.BinOp):
            return next((w for side in (value.left, value.right) if (w := self.written(file, side, stack))), None)
        if isinstance(value, ast.UnaryOp):
            return self.written(file, value.operand, stack)
        if (
            isinstance(value, ast.Call)
            and called(value) == "get"
            and value.args
            and isinstance(value.args[0], ast.Constant)
        ):
            entry = self._entry(file, tree, value.args[0].value)  # config.get("lr", 0.3)
            return entry or (self.where(file, value.args[1]) if len(value.args) > 1 else None)
        if isinstance(value, ast.Call) and len(value.args) == 1:
            return self.written(file, value.args[0], stack)
        if isinstance(value, ast.Attribute):
            return self._option(file, tree, value.attr)
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
            return self._entry(file, tree, value.slice.value)
        if isinstance(value, ast.Name) and (key := (file, value.id, len(stack))) not in self._following:
            self._following.add(key)  # `lr = lr * 0.5` leads back to itself
            try:
                return self._name(file, tree, value.id, stack)
            finally:
                self._following.discard(key)
        return None

    def _option(self, file: str, tree: ast.Module, attribute: str) -> Where | None:
        """An option of argparse, a field of a dataclass or a class attribute of that name; else self.x = ..."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
                flags = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                destination = next(
                    (k.value.value for k in node.keywords if k.arg == "dest" and isinstance(k.value, ast.Constant)),
                    None,
                )
                if destination == attribute or any(f.lstrip("-").replace("-", "_") == attribute for f in flags):
                    default = next((k for k in node.keywords if k.arg == "default"), None)
                    return self.where(file, default if default is not None else node)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:  # SimpleNamespace(lr=...), Config(lr=...)
                    if keyword.arg == attribute and isinstance(keyword.value, ast.Constant):
                        return self.where(file, keyword)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    if attribute in assigned_names(statement):
                        return self.where(file, statement)
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Attribute) and target.attr == attribute for target in node.targets
            ):
                if isinstance(node.value, ast.Constant):
                    return self.where(file, node)
                if isinstance(node.value, ast.Name):  # self.p = p
                    return self.written(file, node.value, (self.where(file, node),))
        return None

    def _entry(self, file: str, tree: ast.Module, key: object) -> Where | None:
        """The value of that key in a dictionary that is written out."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for name, value in zip(node.keys, node.values, strict=True):
                    if isinstance(name, ast.Constant) and name.value == key:
                        return self.where(file, value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
                for keyword in node.keywords:
                    if keyword.arg == key:
                        return self.where(file, keyword)
        return None

    def _name(self, file: str, tree: ast.Module, name: str, stack: Sequence[Where]) -> Where | None:
        """Where a variable gets a constant: in the function, as its argument where it is called, its default, or the
        module."""
        function = enclosing_function(tree, stack[0].line) if stack else None
        if function is not None:
            if (assigned := _assignment(function, name)) is not None:
                node, value = assigned
                return self.written(file, value, stack[1:]) or self.where(file, node)
            arguments = function.args.posonlyargs + function.args.args
            names = [argument.arg for argument in arguments]
            if name in names or name in [a.arg for a in function.args.kwonlyargs]:
                return self._given(name, names, function, file, stack)
        if (assigned := _assignment(tree, name)) is not None:
            node, value = assigned
            if isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
                return self.written(file, value, stack) or self.where(file, node)
            return self.where(file, node)
        return None

    def _given(
        self,
        name: str,
        names: list[str],
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        file: str,
        stack: Sequence[Where],
    ) -> Where | None:
        caller = stack[1] if len(stack) > 1 else None
        call = self.call_at(caller) if caller is not None else None
        if call is None and (only := self._only_call(file, function)) is not None:
            call, caller = only, self.where(file, only)
        if call is not None and caller is not None:
            offset = 1 if names[:1] == ["self"] else 0
            value = next((k.value for k in call.keywords if k.arg == name), None)
            if value is None and name in names and 0 <= names.index(name) - offset < len(call.args):
                value = call.args[names.index(name) - offset]
            if value is not None:
                keyword = next((k for k in call.keywords if k.arg == name), None)
                return self.written(caller.file, value, stack[1:] or (caller,)) or self.where(
                    caller.file, keyword or value
                )
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            if argument.arg == name and default is not None:
                return self.where(file, default)
        defaults = function.args.defaults
        if name in names and defaults and (position := names.index(name) - len(names) + len(defaults)) >= 0:
            return self.where(file, defaults[position])
        return None

    def _only_call(self, file: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.Call | None:
        """The one call of a function in its file, or of the class that it initialises; None when there are several."""
        tree = self.tree(file)
        if tree is None:
            return None
        owner = next((n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and function in n.body), None)
        name = owner.name if owner is not None and function.name == "__init__" else function.name
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == name]
        return calls[0] if len(calls) == 1 else None


def _assignment(scope: ast.AST, name: str) -> tuple[ast.AST, ast.expr] | None:
    """The first assignment to a name in a scope, and its value; of several at once (`a, b = 1, 2`) that value alone."""
    found: list[tuple[int, ast.AST, ast.expr]] = []
    for node in ast.walk(scope):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and name in assigned_names(node):
            found.append((node.lineno, node, node.value))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            for target in node.targets:
                for part, value in zip(getattr(target, "elts", ()), node.value.elts, strict=False):
                    if isinstance(part, ast.Name) and part.id == name:
                        found.append((node.lineno, value, value))
    return min(found, key=lambda item: item[0])[1:] if found else None

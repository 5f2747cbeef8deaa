"""Places: from where something ran to the line where its user would change it.

Reads the sources that stand in the run file; runs nothing of them. A value such as `lr=args.lr` is followed to where it
is written: a default of argparse, a constant, an entry of a dictionary, a parameter's default or the call that gives
it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from headtorch.model import Where


@lru_cache(maxsize=32)
def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


class Places:
    """Finds places in the user's sources, by file."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._following: set[tuple[str, str, int]] = set()

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
                c for c in calls if self._where(where.file, c).column == where.column and c.end_lineno == where.end_line
            ]
            calls = [c for c in exact if self._where(where.file, c).end_column == where.end_column] or exact
        return max(calls, key=lambda call: call.end_col_offset or 0, default=None)

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
        return written or self._where(stack[0].file, shown)

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
            and _called(value) == "get"
            and value.args
            and isinstance(value.args[0], ast.Constant)
        ):
            entry = self._entry(file, tree, value.args[0].value)  # config.get("lr", 0.3)
            return entry or (self._where(file, value.args[1]) if len(value.args) > 1 else None)
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
                    return self._where(file, default if default is not None else node)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:  # SimpleNamespace(lr=...), Config(lr=...)
                    if keyword.arg == attribute and isinstance(keyword.value, ast.Constant):
                        return self._where(file, keyword)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    if attribute in _assigned_names(statement):
                        return self._where(file, statement)
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Constant)
                and any(isinstance(t, ast.Attribute) and t.attr == attribute for t in node.targets)
            ):
                return self._where(file, node)
        return None

    def _entry(self, file: str, tree: ast.Module, key: object) -> Where | None:
        """The value of that key in a dictionary that is written out."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for name, value in zip(node.keys, node.values, strict=True):
                    if isinstance(name, ast.Constant) and name.value == key:
                        return self._where(file, value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
                for keyword in node.keywords:
                    if keyword.arg == key:
                        return self._where(file, keyword)
        return None

    def _name(self, file: str, tree: ast.Module, name: str, stack: Sequence[Where]) -> Where | None:
        """Where a variable gets a constant: in the function, as its argument where it is called, its default, or the
        module."""
        function = enclosing_function(tree, stack[0].line) if stack else None
        if function is not None:
            if (assigned := _assignment(function, name)) is not None:
                value = assigned.value
                return (value and self.written(file, value, stack[1:])) or self._where(file, assigned)
            arguments = function.args.posonlyargs + function.args.args
            names = [argument.arg for argument in arguments]
            if name in names or name in [a.arg for a in function.args.kwonlyargs]:
                return self._given(name, names, function, file, stack)
        if (assigned := _assignment(tree, name)) is not None:
            if isinstance(assigned.value, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
                return self.written(file, assigned.value, stack) or self._where(file, assigned)
            return self._where(file, assigned)
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
        if call is not None and caller is not None:
            offset = 1 if names[:1] == ["self"] else 0
            value = next((k.value for k in call.keywords if k.arg == name), None)
            if value is None and name in names and 0 <= names.index(name) - offset < len(call.args):
                value = call.args[names.index(name) - offset]
            if value is not None:
                keyword = next((k for k in call.keywords if k.arg == name), None)
                return self.written(caller.file, value, stack[1:]) or self._where(caller.file, keyword or value)
        for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
            if argument.arg == name and default is not None:
                return self._where(file, default)
        defaults = function.args.defaults
        if name in names and defaults and (position := names.index(name) - len(names) + len(defaults)) >= 0:
            return self._where(file, defaults[position])
        return None

    def origin(self, where: Where, position: int = 0) -> Where | None:
        """Where the variable that the call at a place is given was assigned, in the same function or module."""
        call, tree = self.call_at(where), self.tree(where.file)
        if call is None or tree is None or position >= len(call.args):
            return None
        value = call.args[position]
        while isinstance(value, (ast.Subscript, ast.Attribute, ast.Call)):  # x[idx].float()
            value = value.func if isinstance(value, ast.Call) else value.value
        if not isinstance(value, ast.Name):
            return None
        scope = enclosing_function(tree, where.line) or tree
        inner = {
            id(below)
            for node in ast.walk(scope)
            if node is not scope and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))
            for below in ast.walk(node)
        }
        found = [n for n in ast.walk(scope) if value.id in _assigned_names(n) and id(n) not in inner]
        return self._where(where.file, min(found, key=lambda n: n.lineno)) if found else None  # type: ignore[attr-defined]

    def loop_around(self, where: Where) -> Where | None:
        """What the outermost loop around a line, in its function, runs over."""
        tree = self.tree(where.file)
        scope = tree and (enclosing_function(tree, where.line) or tree)
        loops = [
            node
            for node in (ast.walk(scope) if scope is not None else ())
            if isinstance(node, ast.For) and node.lineno < where.line <= (node.end_lineno or 0)
        ]
        return self._where(where.file, min(loops, key=lambda loop: loop.lineno).iter) if loops else None

    def evaluated(self, file: str) -> Iterator[Where]:
        """The calls of networks and functions inside `with torch.no_grad()`."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.With) and any(
                name in ast.unparse(item.context_expr) for item in node.items for name in ("no_grad", "inference_mode")
            ):
                for call in (each for statement in node.body for each in ast.walk(statement)):
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
                        yield self._where(file, call)

    def factor_at(self, where: Where) -> Where | None:
        """Where the factor of the product at a place is written."""
        tree = self.tree(where.file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and node.lineno == where.line:
                for side in (node.left, node.right):
                    if (found := self.written(where.file, side, (where,))) is not None:
                        return found
        return None

    def rate_by_hand(self, backward: Where, stack: Sequence[Where]) -> Where | None:
        """The rate of an update that is written out after a backward pass: `p -= lr * g`, `p.add_(g, alpha=-lr)`."""
        tree = self.tree(backward.file)
        for node in _after(tree, backward.line):
            factors: list[ast.expr] = []
            if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Sub, ast.Add)):
                factors = _factors(node.value) if isinstance(node.value, ast.BinOp) else []  # not `steps += 1`
            elif (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.BinOp)
                and isinstance(node.value.op, ast.Sub)
            ):
                factors = _factors(node.value.right)
            elif isinstance(node, ast.Call) and _called(node) in ("add_", "sub_", "sub", "add"):
                factors = [k.value for k in node.keywords if k.arg == "alpha"] or [
                    f for a in node.args for f in _factors(a)
                ]
            for factor in factors:
                inner = factor.operand if isinstance(factor, ast.UnaryOp) else factor
                if isinstance(inner, ast.Constant):
                    return self._where(backward.file, inner)
                if (found := self.written(backward.file, inner, stack)) is not None:
                    return found
        return None

    def update_by_hand(self, backward: Where) -> Where | None:
        """The statement after a backward pass that changes weights by their gradients."""
        tree = self.tree(backward.file)
        for node in _after(tree, backward.line):
            scaled = (
                isinstance(node, ast.AugAssign)
                and isinstance(node.op, (ast.Add, ast.Sub))
                and isinstance(node.value, ast.BinOp)
                and _factors(node.value)
            )
            if scaled or (isinstance(node, ast.Call) and _called(node) in ("add_", "sub_")):
                return self._where(backward.file, node)
        return backward

    def schedules(self, file: str) -> Iterator[Where]:
        """The places in a file that make a schedule of the learning rate, or set a rate by hand."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Call) and (_called(node).endswith("LR") or _called(node) == "ReduceLROnPlateau"):
                yield self._where(file, node)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Subscript) and isinstance(t.slice, ast.Constant) and t.slice.value == "lr"
                for t in node.targets
            ):
                yield self._where(file, node)

    def dropouts_always_on(self, file: str) -> Iterator[Where]:
        """Functional dropouts whose switch does not ask for the mode."""
        for call, place in self.calls(file, "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"):
            if not isinstance(call.func, ast.Attribute) or ast.unparse(call.func.value) not in (
                "F",
                "nn.functional",
                "functional",
                "torch.nn.functional",
            ):
                continue
            if len(call.args) < 3 and not any(k.arg == "training" for k in call.keywords):
                yield place
        for call, place in self.calls(file, "scaled_dot_product_attention"):
            rate = next((k.value for k in call.keywords if k.arg == "dropout_p"), None)
            if (
                rate is not None
                and "training" not in ast.unparse(rate)
                and not (isinstance(rate, ast.Constant) and not rate.value)
            ):
                yield place

    def calls(self, file: str, *names: str) -> Iterator[tuple[ast.Call, Where]]:
        """The calls of functions or methods of these names in a file."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Call) and _called(node) in names:
                yield node, self._where(file, node)

    def sets_attribute(self, file: str, *names: str) -> Iterator[Where]:
        """The places in a file that set an attribute of one of these names, or call a method of one of them."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any(isinstance(target, ast.Attribute) and target.attr in names for target in targets) or (
                isinstance(node, ast.Call) and _called(node) in names
            ):
                yield self._where(file, node)

    def container(self, where: Where) -> Where | None:
        """The empty list or dictionary that the expression at a place is put into: `layers = []` before
        `layers.append(...)`."""
        tree = self.tree(where.file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.AugAssign) and node.lineno <= where.line <= (node.end_lineno or 0):
                return self._made_empty(where.file, tree, ast.unparse(node.target))
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.lineno <= where.line <= (node.end_lineno or 0):
                if isinstance(node.value, (ast.List, ast.Dict, ast.Tuple, ast.ListComp, ast.DictComp)):
                    return self._where(where.file, node)
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Subscript):
                    return self._made_empty(where.file, tree, ast.unparse(target.value))
            if (
                isinstance(node, ast.Call)
                and _called(node) in ("append", "insert", "extend", "update", "setdefault")
                and isinstance(node.func, ast.Attribute)
                and node.lineno <= where.line <= (node.end_lineno or 0)
            ):
                return self._made_empty(where.file, tree, ast.unparse(node.func.value))
        return None

    def _made_empty(self, file: str, tree: ast.Module | None, name: str) -> Where | None:
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, (ast.List, ast.Dict, ast.Call)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if name not in map(ast.unparse, targets):
                    continue
                return self._where(file, node)
        return None

    def _where(self, file: str, node: ast.AST) -> Where:
        lines = self._sources[file].split("\n")

        def column(line: int, offset: int) -> int:
            return (
                len(lines[line - 1].encode()[:offset].decode(errors="replace")) + 1
                if line <= len(lines)
                else offset + 1
            )

        line, end = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        return Where(file, line, column(line, node.col_offset), column(end, node.end_col_offset), end)  # type: ignore[attr-defined]


def _after(tree: ast.Module | None, line: int) -> list[ast.AST]:
    """The nodes from a line on, in the order of their lines."""
    nodes = [node for node in ast.walk(tree) if getattr(node, "lineno", 0) > line] if tree is not None else []
    return sorted(nodes, key=lambda node: node.lineno)  # type: ignore[attr-defined]


def _factors(value: ast.expr) -> list[ast.expr]:
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        return [*_factors(value.left), *_factors(value.right)]
    return [value] if isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.UnaryOp)) else []


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _assigned_names(statement: ast.AST) -> list[str]:
    """The plain names that a statement assigns to."""
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        return [statement.target.id]
    return []


def _assignment(scope: ast.AST, name: str) -> ast.Assign | ast.AnnAssign | None:
    """The first plain assignment to a name in a scope."""
    found = [node for node in ast.walk(scope) if name in _assigned_names(node)]
    return min(found, key=lambda node: node.lineno, default=None)  # type: ignore[attr-defined, return-value]


def enclosing_function(tree: ast.Module, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The innermost function that holds a line."""
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(functions, key=lambda function: function.lineno, default=None)

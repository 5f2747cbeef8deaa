"""Data: from the call that is given a batch back to where its user prepares the data."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from headtorch.model import Where
from headtorch.places.trees import Trees, assigned_names, called, enclosing_function
from headtorch.places.values import Values

CONVERSIONS = ("tensor", "as_tensor", "from_numpy", "FloatTensor", "LongTensor", "Tensor", "array", "asarray")
WRAPPERS = ("DataLoader", "Subset", "random_split", "iter", "next", "tqdm", "cycle", "list")
FAR = 12  # steps back: a longer way leads in a circle


def prepared(trees: Trees, stack: Sequence[Where], position: int = 0, made: bool = False) -> Where | None:
    """Where the data that the call at the innermost place of a stack is given, as argument `position`, is prepared.

    It is followed through batches, loaders, data sets and parameters: to the assignment that makes it, or to what the
    user's function or data set returns; with `made`, to where the data set is made. None where it can't be followed.
    """
    call = trees.call_at(stack[0]) if stack else None
    if call is None or position >= len(call.args):
        return None
    return _Way(trees, into_classes=not made).of(call.args[position], stack, ())


def order(trees: Trees, where: Where, position: int = 0) -> Where | None:
    """Where the indices are made by which the call at a place picks its examples: `rows = torch.arange(n)`."""
    call, tree = trees.call_at(where), trees.tree(where.file)
    if call is None or tree is None or position >= len(call.args):
        return None
    scope = enclosing_function(tree, where.line) or tree
    value: ast.expr = call.args[position]
    picked = False
    for _ in range(FAR):
        if isinstance(value, ast.Subscript) and not isinstance(value.slice, (ast.Slice, ast.Constant)) and not picked:
            value, picked = value.slice, True
        elif isinstance(value, ast.Subscript):
            value = value.value
        elif isinstance(value, ast.Name):
            statement = _last_assignment(scope, value.id, where.line)
            if statement is None:
                return None
            value = statement.value
        else:
            return trees.where(where.file, value) if picked and isinstance(value, ast.Call) else None
    return None


def sorted_in_collate(trees: Trees, file: str) -> Where | None:
    """Where the function that a loader is given as `collate_fn` sorts something."""
    tree = trees.tree(file)
    if tree is None:
        return None
    loaders = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == "DataLoader"]
    given = {ast.unparse(k.value) for loader in loaders for k in loader.keywords if k.arg == "collate_fn"}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in given:
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and called(node) in ("sorted", "sort", "argsort"):
                    return trees.where(file, node)
    return None


def columns(places: Values, where: Where) -> Where:
    """Where the columns are named that the statement at a place takes from a table; else the place itself."""
    for node in places.nodes_at(Where(where.file, where.line), ast.Subscript):
        if isinstance(node.slice, ast.Name):
            return places.written(where.file, node.slice, (where,)) or where
    return where


class _Way:
    """One way back. `items` are positions in tuples that are still to be unpacked, innermost last."""

    def __init__(self, trees: Trees, into_classes: bool) -> None:
        self._trees = trees
        self._into_classes = into_classes
        self._left = FAR

    def of(self, value: ast.expr, stack: Sequence[Where], items: tuple[int, ...]) -> Where | None:
        """Where a value that stands at the innermost place of a stack is prepared."""
        self._left -= 1
        tree = self._trees.tree(stack[0].file) if stack else None
        if tree is None or self._left < 0:
            return None
        if isinstance(value, (ast.Tuple, ast.List)) and items and items[-1] < len(value.elts):
            return self.of(value.elts[items[-1]], stack, items[:-1])
        if isinstance(value, ast.Call) and (found := self._through(value, tree, stack, items)) is not None:
            return found
        name = _root(value)
        return None if name is None else self._named(name, tree, stack, items)

    def _named(self, name: str, tree: ast.Module, stack: Sequence[Where], items: tuple[int, ...]) -> Where | None:
        file, line = stack[0].file, stack[0].line
        function = enclosing_function(tree, line)
        for scope in (function, tree):
            if scope is None:
                continue
            loops = [
                (source, item)
                for target, source in _loops_around(scope, line)
                if (item := _position(target, name)) is not None
            ]
            if loops:
                source, item = max(loops, key=lambda pair: pair[0].lineno)
                return self.of(source, (self._trees.where(file, source), *stack[1:]), item + items)
            made = [
                (node, item)
                for node in ast.walk(scope)
                if isinstance(node, ast.Assign) and (scope is function or enclosing_function(tree, node.lineno) is None)
                for target in node.targets
                if (item := _position(target, name)) is not None
            ]
            before = [pair for pair in made if pair[0].lineno < line] or made
            if before:
                statement, item = max(before, key=lambda pair: pair[0].lineno)
                return self._assigned(statement, item + items, (self._trees.where(file, statement), *stack[1:]))
            if scope is function and function is not None and name in (a.arg for a in function.args.args):
                return self._given(name, function, tree, stack, items)
        return None

    def _assigned(self, statement: ast.Assign, items: tuple[int, ...], stack: Sequence[Where]) -> Where | None:
        """The assignment itself, or what stands behind a mere conversion, a loader or a function of the user's."""
        value = statement.value
        if isinstance(value, (ast.Tuple, ast.List)) and items and items[-1] < len(value.elts):
            value, items = value.elts[items[-1]], items[:-1]
        tree = self._trees.tree(stack[0].file)
        if tree is None:
            return None
        if isinstance(value, ast.Call) and (found := self._through(value, tree, stack, items)) is not None:
            return found
        source = _before(tree, statement, _converted(value))
        return self._trees.where(stack[0].file, source or statement)

    def _through(
        self, call: ast.Call, tree: ast.Module, stack: Sequence[Where], items: tuple[int, ...]
    ) -> Where | None:
        """Behind a call that only hands data on; None for any other."""
        name = called(call)
        if name in ("zip", "TensorDataset") and items and items[-1] < len(call.args):
            return self.of(call.args[items[-1]], stack, items[:-1])
        if name == "enumerate" and call.args and items:
            return self.of(call.args[0], stack, items[:-1]) if items[-1] == 1 else None
        if name in WRAPPERS and call.args:
            return self.of(call.args[0], stack, items[:-1] if name == "random_split" else items)
        if not isinstance(call.func, ast.Name):
            return None
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == name and self._into_classes:
                method = next((n for n in node.body if getattr(n, "name", "") == "__getitem__"), None)
                returned = None if method is None else _returned(method)
                if returned is None:
                    return None
                return self._trees.where(stack[0].file, _kept(node, returned, items) or returned)
            if isinstance(node, ast.FunctionDef) and node.name == name and (returned := _returned(node)) is not None:
                return self._trees.where(stack[0].file, returned)
        return None

    def _given(
        self,
        name: str,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        tree: ast.Module,
        stack: Sequence[Where],
        items: tuple[int, ...],
    ) -> Where | None:
        """What the caller gives for a parameter."""
        place = stack[1] if len(stack) > 1 else None
        call = self._trees.call_at(place) if place is not None else None
        if call is None or place is None or called(call) != function.name:
            calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and called(n) == function.name]
            if len(calls) != 1:
                return None
            call, place = calls[0], self._trees.where(stack[0].file, calls[0])
        names = [argument.arg for argument in function.args.args]
        position = names.index(name) - (names[:1] == ["self"])
        value = next((k.value for k in call.keywords if k.arg == name), None)
        spread = next((n for n, given in enumerate(call.args) if isinstance(given, ast.Starred)), len(call.args))
        if value is None and 0 <= position < spread:
            value = call.args[position]
        elif value is None and isinstance(given := next(iter(call.args[spread:]), None), ast.Starred) and position >= 0:
            value, items = given.value, (*items, position - spread)
        return None if value is None else self.of(value, (place, *stack[2:]), items)


def _loops_around(scope: ast.AST, line: int) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The loops around a line, comprehensions too: what each assigns to, and what it draws from."""
    for node in ast.walk(scope):
        if not isinstance(node, (ast.For, ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            continue
        if node.lineno <= line <= (node.end_lineno or 0):
            for loop in [node] if isinstance(node, ast.For) else node.generators:
                yield loop.target, loop.iter


def _last_assignment(scope: ast.AST, name: str, line: int) -> ast.Assign | None:
    """The last plain assignment to a name before a line of a scope."""
    found = [node for node in ast.walk(scope) if isinstance(node, ast.Assign) and name in assigned_names(node)]
    return max((node for node in found if node.lineno < line), key=lambda node: node.lineno, default=None)


def _returned(function: ast.stmt) -> ast.Return | None:
    """The last `return` of a function with a value."""
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    return returns[-1] if returns else None


def _kept(owner: ast.ClassDef, returned: ast.Return, items: tuple[int, ...]) -> ast.Assign | None:
    """Where an object gets the attribute that it merely hands out: `self.x = ...` for `return self.x[i], self.y[i]`."""
    value = returned.value
    if isinstance(value, ast.Tuple) and items and items[-1] < len(value.elts):
        value = value.elts[items[-1]]
    held = value.value if isinstance(value, ast.Subscript) else None
    if not isinstance(held, ast.Attribute):
        return None
    return next(
        (
            node
            for node in ast.walk(owner)
            if isinstance(node, ast.Assign) and any(getattr(target, "attr", "") == held.attr for target in node.targets)
        ),
        None,
    )


def _root(value: ast.expr) -> str | None:
    """The variable that an expression takes a part or a form of: `x` in `x[batch].float()`."""
    while isinstance(value, (ast.Subscript, ast.Attribute, ast.Call)):
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return None
        value = value.func if isinstance(value, ast.Call) else value.value
    return value.id if isinstance(value, ast.Name) else None


def _converted(value: ast.expr) -> str | None:
    """The variable that an expression brings into another form, without a change to its numbers."""
    while isinstance(value, ast.Call):
        if called(value) in CONVERSIONS and value.args:
            value = value.args[0]
        elif isinstance(value.func, ast.Attribute):
            value = value.func.value
        else:
            return None
    return value.id if isinstance(value, ast.Name) else None


def _before(tree: ast.Module, statement: ast.Assign, name: str | None) -> ast.Assign | None:
    """The user's last statement before another that made a variable out of others; None where it is a library's."""
    scope = enclosing_function(tree, statement.lineno) or tree
    made = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and node.lineno < statement.lineno
        and any(_position(target, name or "") is not None for target in node.targets)
    ]
    last = max(made, key=lambda node: node.lineno, default=None)
    if last is None or not (isinstance(last.value, ast.BinOp) or _converted(last.value) not in (None, name)):
        return None
    return last


def _position(target: ast.expr, name: str) -> tuple[int, ...] | None:
    """Where in a target a name stands: () for the name alone, (1,) in `x, name`, innermost last."""
    if isinstance(target, ast.Name):
        return () if target.id == name else None
    if isinstance(target, (ast.Tuple, ast.List)):
        for number, item in enumerate(target.elts):
            if (inner := _position(item, name)) is not None:
                return (*inner, number)
    return None

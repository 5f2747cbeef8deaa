"""Places: from where something ran to the line where its user would change it.

Reads the sources that stand in the run file; runs nothing of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from headtorch.model import Where
from headtorch.places.averages import HALVES
from headtorch.places.names import thawed
from headtorch.places.steps import Steps
from headtorch.places.trees import assigned_names, called, enclosing_function

DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")


class Places(Steps):
    """Finds places in the user's sources, by file."""

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
        found = [n for n in ast.walk(scope) if value.id in assigned_names(n) and id(n) not in inner]
        return self.where(where.file, min(found, key=lambda n: n.lineno)) if found else None  # type: ignore[attr-defined]

    def callee(self, where: Where) -> Where | None:
        """Where the variable that the call at a place calls was assigned in the same function; else what it calls."""
        call, tree = self.call_at(where), self.tree(where.file)
        if call is None or tree is None:
            return None
        scope = enclosing_function(tree, where.line) or tree
        name = call.func.id if isinstance(call.func, ast.Name) else None
        found = [node for node in ast.walk(scope) if name is not None and name in assigned_names(node)]
        return self.where(where.file, min(found, key=lambda n: n.lineno) if found else call.func)  # type: ignore[attr-defined]

    def ties(self, file: str, *layers: str) -> Iterator[Where]:
        """The statements in a file that give the weight of one of these layers, or its values, to another of them."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                given, taken = node.value, node.targets[0]
            elif isinstance(node, ast.Call) and called(node) == "copy_" and node.args:
                given, taken = node.args[0], node.func  # a.weight.data.copy_(b.weight)
            else:
                continue
            weights = [
                {
                    ast.unparse(n.value).rsplit(".", 1)[-1]
                    for n in ast.walk(side)
                    if isinstance(n, ast.Attribute) and n.attr == "weight"
                }
                for side in (taken, given)
            ]
            if len(weights[0]) == len(weights[1]) == 1 and weights[0] | weights[1] == set(layers):
                yield self.where(file, node)

    def loop_around(self, where: Where) -> Where | None:
        """What the outermost loop around a line, in its function, runs over; or where the number of times is."""
        tree = self.tree(where.file)
        scope = tree and (enclosing_function(tree, where.line) or tree)
        loops = [
            node
            for node in (ast.walk(scope) if scope is not None else ())
            if isinstance(node, ast.For) and node.lineno < where.line <= (node.end_lineno or 0)
        ]
        if not loops:
            return None
        over = min(loops, key=lambda loop: loop.lineno).iter
        place = self.where(where.file, over)
        if (
            isinstance(over, ast.Call)
            and called(over) == "range"
            and isinstance(over.args[-1], (ast.Name, ast.Attribute))
        ):
            return self.written(where.file, over.args[-1], (place,)) or place
        return place

    def number_at(self, where: Where) -> float | None:
        """The number that is written at a place: alone, as a keyword's value, or as what is assigned."""
        tree = self.tree(where.file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.keyword)) and self.where(where.file, node) == where:
                node = node.value or node
            elif not isinstance(node, ast.Constant) or self.where(where.file, node) != where:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
                return float(node.value)
        return None

    def begins_anew(self, where: Where) -> Where | None:
        """In the loop around a line: an iterator made and asked for its first item, `next(iter(loader))`."""
        for node in self._in_loop(where):
            if isinstance(node, ast.Call) and called(node) == "next" and node.args:
                made = node.args[0]
                if isinstance(made, ast.Call) and called(made) == "iter":
                    return self.where(where.file, node)
        return None

    def given_to(self, where: Where) -> tuple[str, int, str] | None:
        """The parameter that the call at a place is given first, `a` in `self.left(a)`, after its function's file and
        line."""
        call, tree = self.call_at(where), self.tree(where.file)
        function = enclosing_function(tree, where.line) if tree is not None else None
        if call is None or function is None or not call.args or not isinstance(call.args[0], ast.Name):
            return None
        names = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
        name = call.args[0].id
        return (where.file, function.lineno, name) if name in names else None

    def ignored_index(self, file: str) -> Where | None:
        """In a `__getitem__`: where the index is cut by a number, `index % 40`, or a number stands in its place."""
        tree = self.tree(file)
        methods = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)] if tree is not None else []
        for method in methods:
            if method.name != "__getitem__" or len(method.args.args) < 2:
                continue
            index = method.args.args[1].arg
            nodes = list(ast.walk(method))
            unused = not any(isinstance(n, ast.Name) and n.id == index for n in nodes)
            drawn = any(isinstance(n, ast.Call) and ("rand" in called(n) or "choice" in called(n)) for n in nodes)
            for node in nodes:
                cut = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and _is_name(node.left, index)
                if cut and isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
                    return self.where(file, node)
                if (
                    unused
                    and not drawn
                    and isinstance(node, ast.Subscript)
                    and isinstance(node.slice, ast.Constant)
                    and isinstance(node.slice.value, int)
                ):
                    return self.where(file, node)
        return None

    def slice_at_rest(self, where: Where) -> Where | None:
        """In the loop around a line: a slice whose bounds the loop never changes, `x[:64]`."""
        nodes = self._in_loop(where)
        changed = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        for node in nodes:
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.upper is not None:
                names = {each.id for each in ast.walk(node.slice) if isinstance(each, ast.Name)}
                if not names & changed:
                    return self.where(where.file, node)
        return None

    def reads_a_stream(self, where: Where) -> bool:
        """Whether the loader made at a place is given an `IterableDataset` of the user's, which sets its own order."""
        call, origin = self.call_at(where), self.origin(where)
        if call is None or called(call) != "DataLoader":
            return False
        given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "dataset")]
        given += [node.value for node in self.nodes_at(origin, ast.Assign)] if origin is not None else []
        made = {called(node) for node in given if isinstance(node, ast.Call)}
        return any(
            isinstance(node, ast.ClassDef)
            and node.name in made
            and any(ast.unparse(base).endswith("IterableDataset") for base in node.bases)
            for file in self._sources
            for node in ast.walk(self.tree(file) or ast.Module([], []))
        )

    def _in_loop(self, where: Where) -> list[ast.AST]:
        """What stands in the innermost loop around a line, the loop's own variables included."""
        tree = self.tree(where.file)
        loops = [
            node
            for node in (ast.walk(tree) if tree is not None else ())
            if isinstance(node, (ast.For, ast.While)) and node.lineno <= where.line <= (node.end_lineno or 0)
        ]
        return list(ast.walk(max(loops, key=lambda loop: loop.lineno))) if loops else []

    def without_gradient(self, where: Where) -> Where | None:
        """The innermost `with torch.no_grad():` around a place."""
        tree = self.tree(where.file)
        blocks = [
            node
            for node in (ast.walk(tree) if tree is not None else ())
            if isinstance(node, ast.With)
            and node.lineno <= where.line <= (node.end_lineno or 0)
            and any(name in ast.unparse(i.context_expr) for i in node.items for name in ("no_grad", "inference_mode"))
        ]
        block = max(blocks, key=lambda node: node.lineno, default=None)
        return None if block is None else self.where(where.file, block.items[0].context_expr)

    def condition_around(self, where: Where) -> Where | None:
        """The condition of the innermost `if` inside a loop around a place."""
        tree = self.tree(where.file)
        around = [
            node
            for node in (ast.walk(tree) if tree is not None else ())
            if isinstance(node, (ast.If, ast.For, ast.While)) and node.lineno <= where.line <= (node.end_lineno or 0)
        ]
        inner = max(around, key=lambda node: node.lineno, default=None)
        return self.where(where.file, inner.test) if isinstance(inner, ast.If) and len(around) > 1 else None

    def calls_between(self, first: Where, last: Where) -> list[Where]:
        """The calls for their effect that stand between two lines of one file, as what is done to the gradients between
        the backward pass and the step."""
        tree = self.tree(first.file) if first.file == last.file else None
        calls = [
            node.value
            for node in (ast.walk(tree) if tree is not None else ())
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and first.line < node.lineno < last.line
        ]
        return [self.where(first.file, call) for call in sorted(calls, key=lambda call: call.lineno)]

    def dropouts_always_on(self, file: str) -> Iterator[Where]:
        """Functional dropouts whose switch does not ask for the mode, and modules that are made as the network runs or
        kept in a plain list, so that no mode reaches them."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.ClassDef) and any("Module" in ast.unparse(base) for base in node.bases):
                for held in _plain_lists(node):
                    if any(
                        called(each) in DROPOUTS
                        for part in held
                        for each in ast.walk(part)
                        if isinstance(each, ast.Call)
                    ):
                        yield self.where(file, held[0])
            if isinstance(node, ast.FunctionDef) and node.name == "forward":
                for made in ast.walk(node):
                    if isinstance(made, ast.Call) and called(made) in DROPOUTS:
                        yield self.where(file, made)
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

    def sets_attribute(self, file: str, *names: str) -> Iterator[Where]:
        """The places in a file that set an attribute of one of these names, or call a method of one of them."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any(isinstance(target, ast.Attribute) and target.attr in names for target in targets) or (
                isinstance(node, ast.Call) and called(node) in names
            ):
                yield self.where(file, node)

    def thawed_by_name(self, file: str) -> Iterator[tuple[Where, tuple[str, ...]]]:
        """The tests of a name under which parameters are to learn, each with the texts that it looks for."""
        tree = self.tree(file)
        for test, texts in thawed(tree) if tree is not None else ():
            yield self.where(file, test), texts

    def last_call(self, where: Where, *names: str) -> Where | None:
        """The last call of a function or method of these names up to a line, in the function around it."""
        tree = self.tree(where.file)
        function = enclosing_function(tree, where.line) if tree is not None else None
        first = function.lineno if function is not None else 1
        places = [place for _, place in self.calls(where.file, *names) if first <= place.line <= where.line]
        return max(places, key=lambda place: place.line, default=None)

    def half_precision(self, file: str) -> Iterator[Where]:
        """Where a file asks for half precision, or where the type it asks for is written; networks before data."""
        tree = self.tree(file)
        if tree is None:
            return
        networks = {
            ast.unparse(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "parameters"
        }
        made = {
            id(below)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and any(ast.unparse(target) in networks for target in node.targets)
            for below in ast.walk(node.value)
        }
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and called(n) not in ("autocast", "GradScaler")]

        def of_network(call: ast.Call) -> bool:
            receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
            return id(call) in made or (receiver is not None and ast.unparse(receiver) in networks)

        for call in sorted(calls, key=lambda call: (not of_network(call), call.lineno)):
            place = self.where(file, call)
            if called(call) in HALVES and isinstance(call.func, ast.Attribute):
                yield place
            asks = call.args if called(call) in ("to", "type", "set_default_dtype") else []
            for value in [*asks, *(keyword.value for keyword in call.keywords if keyword.arg == "dtype")]:
                if _is_half(value):
                    yield place
                elif (written := self.written(file, value, (place,))) is not None and any(
                    _is_half(node)
                    for node in ast.walk(tree)
                    if hasattr(node, "lineno") and self.where(file, node) == written
                ):
                    yield written

    def assigned(self, file: str, name: str, makers: Sequence[str]) -> Iterator[Where]:
        """What a variable or an attribute of that name is assigned, where one of the functions makes it."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Assign) and any(
                name in (getattr(target, "id", None), getattr(target, "attr", None)) for target in node.targets
            ):
                calls = [each for each in ast.walk(node.value) if isinstance(each, ast.Call)]
                if any(called(call) in makers for call in calls):
                    yield self.where(file, node.value)

    def container(self, where: Where) -> Where | None:
        """The empty list or dictionary that the expression at a place is put into: `layers = []` before
        `layers.append(...)`."""
        tree = self.tree(where.file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.AugAssign) and node.lineno <= where.line <= (node.end_lineno or 0):
                return self._made_empty(where.file, tree, ast.unparse(node.target))
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.lineno <= where.line <= (node.end_lineno or 0):
                if isinstance(node.value, (ast.List, ast.Dict, ast.Tuple, ast.ListComp, ast.DictComp)):
                    return self.where(where.file, node)
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Subscript):
                    return self._made_empty(where.file, tree, ast.unparse(target.value))
            if (
                isinstance(node, ast.Call)
                and called(node) in ("append", "insert", "extend", "update", "setdefault")
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
                return self.where(file, node)
        return None


def _plain_lists(defined: ast.ClassDef) -> list[list[ast.expr]]:
    """The lists and dictionaries of a class's own, `self.layers = []`, that it gives to nothing which would know of
    modules in them, each with what is appended to it."""
    kept: dict[str, list[ast.expr]] = {}
    calls = [node for node in ast.walk(defined) if isinstance(node, ast.Call)]
    if any(called(call) in ("add_module", "register_module", "setattr") for call in calls):
        return []
    for node in ast.walk(defined):
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.Dict, ast.ListComp, ast.DictComp)):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    kept.setdefault(ast.unparse(target), []).append(node.value)
    for call in calls:
        if called(call) in ("ModuleList", "ModuleDict", "Sequential"):
            for given in call.args:
                kept.pop(ast.unparse(given.value if isinstance(given, ast.Starred) else given), None)
        elif isinstance(call.func, ast.Attribute) and call.func.attr in ("append", "extend"):
            kept.get(ast.unparse(call.func.value), []).extend(call.args)
    return list(kept.values())


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_half(node: ast.AST) -> bool:
    """Whether something names a type of half precision: `torch.bfloat16`, `default="float16"`."""
    return any(
        getattr(each, "attr", None) in HALVES or getattr(each, "value", None) in HALVES for each in ast.walk(node)
    )

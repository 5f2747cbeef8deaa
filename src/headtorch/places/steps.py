"""Steps: where the user's own lines change the weights, and the rate by which they do.

The user makes the optimizer, or a library does that was told the rate somewhere else, or the update is written out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from headtorch.model import Where
from headtorch.places.trees import called, enclosing_function, nodes
from headtorch.places.values import Values

WRITES = ("copy_", "mul_", "sub_", "clamp_")
NAMES = ("lr", "learning_rate")  # of the argument that gives a library its rate


class Steps(Values):
    """Finds updates, rates and schedules in the user's sources."""

    def factor_at(self, where: Where) -> Where | None:
        """Where the factor of the product at a place is written."""
        tree = self.tree(where.file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and node.lineno == where.line:
                for side in (node.left, node.right):
                    if (found := self.written(where.file, side, (where,))) is not None:
                        return found
        return None

    def rate_of(self, made_at: Sequence[Where], kind: str, rates: Sequence[float]) -> Where | None:
        """Where the rate of an optimizer is written that was made at the innermost place of a stack.

        Where a call by another name than its class stands there, a library has made it: the rate is then what the user
        has told the library, in that call or in another. `rates` are those that were recorded.
        """
        call = self.call_at(made_at[0]) if made_at else None
        if call is None or called(call) in (kind, "") or any(keyword.arg in NAMES for keyword in call.keywords):
            return self.argument(made_at, "lr", position=1)
        for argument in call.args:
            place = self.written(made_at[0].file, argument, made_at) or self.where(made_at[0].file, argument)
            if self._is_one_of(place, rates):
                return place
        told = [*self._told(rates)]
        return max(told, key=lambda each: each[0])[1] if told else made_at[0]

    def _told(self, rates: Sequence[float]) -> Iterator[tuple[bool, Where]]:
        """Where any call is given a rate, and whether one of these numbers stands there."""
        for file in self._sources:
            tree = self.tree(file)
            for call in ast.walk(tree) if tree is not None else ():
                for keyword in call.keywords if isinstance(call, ast.Call) else ():
                    if keyword.arg is not None and keyword.arg.rpartition("__")[2] in NAMES:
                        here = self.where(file, call)
                        place = self.written(file, keyword.value, (here,)) or self.where(file, keyword)
                        yield self._is_one_of(place, rates), place

    def _is_one_of(self, place: Where, rates: Sequence[float]) -> bool:
        """Whether a number that was recorded, in single precision, is written at a place."""
        written = [each for node in self.nodes_at(place, ast.AST) for each in ast.walk(node)]
        values = [each.value for each in written if isinstance(each, ast.Constant)]
        numbers = [float(value) for value in values if isinstance(value, (int, float))]
        return any(abs(number - rate) <= 1e-6 * rate for number in numbers for rate in rates)

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
            elif isinstance(node, ast.Call) and called(node) in ("add_", "sub_", "sub", "add"):
                factors = [k.value for k in node.keywords if k.arg == "alpha"] or [
                    f for a in node.args for f in _factors(a)
                ]
            for factor in factors:
                inner = factor.operand if isinstance(factor, ast.UnaryOp) else factor
                if isinstance(inner, ast.Constant):
                    return self.where(backward.file, inner)
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
            if scaled or (isinstance(node, ast.Call) and called(node) in ("add_", "sub_")):
                return self.where(backward.file, node)
        return backward

    def update_beside(self, where: Where) -> Where | None:
        """The last change of weights that is written out before a place, in the function around it: `p.add_(...)` in a
        loop over p."""
        tree = self.tree(where.file)
        function = enclosing_function(tree, where.line) if tree is not None else None
        found = None
        for loop in ast.walk(function) if function is not None else ():
            if not isinstance(loop, ast.For) or loop.lineno > where.line:
                continue
            over = ast.unparse(loop.target)
            for node in ast.walk(loop):
                if isinstance(node, ast.Call) and called(node) in ("add_", "sub_") and node.lineno < where.line:
                    changed = node.func.value if isinstance(node.func, ast.Attribute) else node
                    if ast.unparse(changed) in (over, f"{over}.data"):
                        found = self.where(where.file, node)
        return found

    def changed_weights(self, file: str) -> Iterator[Where]:
        """Where a file writes into the parameters of a network itself: `p.copy_(...)`, `p.mul_(...)` in a loop over
        them."""
        for loop in nodes(self, file):
            if not isinstance(loop, ast.For) or not any(
                isinstance(call, ast.Call) and called(call) in ("parameters", "named_parameters")
                for call in ast.walk(loop.iter)
            ):
                continue
            over = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
            for call in ast.walk(loop):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                changed = call.func.value
                if isinstance(changed, ast.Attribute) and changed.attr == "data":
                    changed = changed.value
                if called(call) in WRITES and isinstance(changed, ast.Name) and changed.id in over:
                    yield self.where(file, call)

    def schedules(self, file: str) -> Iterator[Where]:
        """The places in a file that make a schedule of the learning rate, or set a rate by hand."""
        tree = self.tree(file)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Call) and (called(node).endswith("LR") or called(node) == "ReduceLROnPlateau"):
                yield self.where(file, node)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Subscript) and isinstance(t.slice, ast.Constant) and t.slice.value == "lr"
                for t in node.targets
            ):
                yield self.where(file, node)


def _after(tree: ast.Module | None, line: int) -> list[ast.AST]:
    """The nodes from a line on, in the order of their lines."""
    nodes = [node for node in ast.walk(tree) if getattr(node, "lineno", 0) > line] if tree is not None else []
    return sorted(nodes, key=lambda node: node.lineno)  # type: ignore[attr-defined]


def _factors(value: ast.expr) -> list[ast.expr]:
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        return [*_factors(value.left), *_factors(value.right)]
    return [value] if isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.UnaryOp)) else []

"""Slips: what was written by mistake and means something else, which Python does not notice. Each gives its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import pairwise

from headtorch.model import Where
from headtorch.places.trees import Trees, assigned_names, called, nodes

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
NETWORKS = ("parameters", "state_dict", "load_state_dict", "children", "eval", "train")  # methods that tell a network
ELEMENTWISE = (
    "clip",
    "abs",
    "sqrt",
    "exp",
    "log",
    "log1p",
    "tanh",
    "sin",
    "cos",
    "maximum",
    "minimum",
    "square",
    "where",
)
NEAR = 0.85  # of the letters, of two names: `require_grad` is near `requires_grad`, `grad` is not


def misspelt(trees: Trees, file: str, attribute: str) -> Where | None:
    """Where an attribute is set whose name is nearly, but not quite, the given one."""
    for node in nodes(trees, file):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr != attribute:
            near = get_close_matches(node.attr, [attribute], cutoff=NEAR)
            if near:
                return trees.where(file, node)
    return None


def flag_on_a_network(trees: Trees, file: str, value: str) -> Where | None:
    """Where `net.requires_grad = value` is set on a network, whose parameters it does not reach."""
    owners = {
        ast.unparse(call.func.value)
        for call in nodes(trees, file)
        if isinstance(call, ast.Call) and called(call) in NETWORKS
        if isinstance(call.func, ast.Attribute)
    }
    for node in nodes(trees, file):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Attribute):
            continue
        if target.attr != "requires_grad" or ast.unparse(node.value) != value:
            continue
        if ast.unparse(target.value) in owners:
            return trees.where(file, node)
    return None


def twice(trees: Trees, file: str, method: str) -> Where | None:
    """The second of two calls of a method that stand one after the other and are the same to the letter."""
    for node in nodes(trees, file):
        block = getattr(node, "body", None)
        for one, other in pairwise(block) if isinstance(block, list) else ():
            call = other.value if isinstance(other, ast.Expr) else None
            if isinstance(call, ast.Call) and called(call) == method and ast.unparse(one) == ast.unparse(other):
                return trees.where(file, call)
    return None


def used_up(trees: Trees, file: str) -> Where | None:
    """Where a name is given a generator of parameters, `p for p in net.parameters()`, that is read to its end by one
    use, such as a count, before it is handed on by another, which gets nothing."""
    for scope in nodes(trees, file):
        if not isinstance(scope, (ast.FunctionDef, ast.Module)):
            continue
        inside = [node for statement in scope.body for node in ast.walk(statement)]
        for node in inside:
            names = assigned_names(node) if isinstance(node, ast.Assign) and _yields_parameters(node.value) else []
            uses = [n for n in inside if isinstance(n, ast.Name) and n.id in names[:1]]
            read = [n for n in uses if isinstance(n.ctx, ast.Load)]
            if len(read) > 1 and len(uses) == len(read) + 1:  # bound once
                return trees.where(file, node)
    return None


def _yields_parameters(value: ast.expr) -> bool:
    """Whether an expression is a generator or a filter of parameters, which can be read once."""
    lazy = isinstance(value, ast.GeneratorExp) or (isinstance(value, ast.Call) and called(value) in ("filter", "map"))
    of = [called(node) for node in ast.walk(value) if isinstance(node, ast.Call)]
    bare = isinstance(value, ast.Call) and called(value) in ("parameters", "named_parameters")
    return (lazy and bool({"parameters", "named_parameters"} & set(of))) or bare


def mode_not_passed_on(trees: Trees, file: str) -> Where | None:
    """Where a module's own `train(self, mode)` calls that of its base class without the mode."""
    for function in nodes(trees, file):
        if isinstance(function, ast.FunctionDef) and function.name == "train" and len(function.args.args) > 1:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call) == "super().train()":
                    return trees.where(file, call)
    return None


def dropped(trees: Trees, file: str, *methods: str) -> Where | None:
    """Where a method is called whose result, all that it gives, is dropped."""
    for node in nodes(trees, file):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and called(node.value) in methods:
            return trees.where(file, node.value)
    return None


def bound_anew(trees: Trees, file: str, method: str) -> Where | None:
    """Where a loop over the results of a method, as of `net.parameters()`, ends by binding its own variable anew,
    `p = q.clone()`, which changes nothing."""
    for loop in nodes(trees, file):
        if isinstance(loop, ast.For) and any(
            called(n) == method for n in ast.walk(loop.iter) if isinstance(n, ast.Call)
        ):
            items = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
            last = loop.body[-1]
            bound = last.targets[0] if isinstance(last, ast.Assign) else None
            if isinstance(last, ast.Assign) and isinstance(bound, ast.Name) and bound.id in items:
                in_place = isinstance(last.value, ast.Call) and called(last.value).endswith("_")
                of_itself = _origin(last.value) == bound.id  # as in `p = p.to(device)`: no copy is meant
                if not in_place and not of_itself:
                    return trees.where(file, last)
    return None


def _origin(value: ast.expr) -> str:
    """The name that a chain of calls and attributes begins with; "" for anything else."""
    while isinstance(value, (ast.Call, ast.Attribute, ast.Subscript)):
        value = value.func if isinstance(value, ast.Call) else value.value
    return value.id if isinstance(value, ast.Name) else ""


def sampled(trees: Trees, file: str) -> Where | None:
    """Where a distribution draws by `sample()`, past the gradient, though it could by `rsample()`, in a file that asks
    for no likelihood of what is drawn."""
    calls = [node for node in nodes(trees, file) if isinstance(node, ast.Call)]
    if any(called(call) == "log_prob" for call in calls):
        return None
    made = [node for node in nodes(trees, file) if isinstance(node, ast.Assign) and _is_distribution(node.value)]
    names = {ast.unparse(node.targets[0]) for node in made}
    for call in calls:
        if called(call) == "sample" and isinstance(call.func, ast.Attribute):
            drawn_from = call.func.value
            if _is_distribution(drawn_from) or ast.unparse(drawn_from) in names:
                return trees.where(file, call)
    return None


def _is_distribution(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and called(node) in REPARAMETERISED


def through_numpy(trees: Trees, file: str) -> Where | None:
    """Where a tensor is detached for a function of NumPy that torch has too, element by element, made a tensor again at
    once, and computed with."""
    every = list(nodes(trees, file))
    computed_with = {
        ast.unparse(side) for node in every if isinstance(node, ast.BinOp) for side in (node.left, node.right)
    }
    for statement in every:
        node = statement.value if isinstance(statement, ast.Assign) else None
        if not isinstance(statement, ast.Assign) or ast.unparse(statement.targets[0]) not in computed_with:
            continue
        if not isinstance(node, ast.Call) or called(node) not in ("from_numpy", "tensor", "as_tensor") or not node.args:
            continue
        inner = node.args[0]
        if not isinstance(inner, ast.Call) or called(inner) not in ELEMENTWISE or not inner.args:
            continue
        detached = ast.unparse(inner.args[0])
        if ast.unparse(inner.func).startswith(("np.", "numpy.")) and ".detach()" in detached and "numpy()" in detached:
            return trees.where(file, node)
    return None


def zeros_elsewhere(trees: Trees, file: str) -> Where | None:
    """Where an array of zeros is made of which one number a row, that of a chosen output, is set to what was computed:
    `targets[np.arange(n), actions] = values`."""
    made: dict[str, ast.Assign] = {}
    for node in nodes(trees, file):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and called(node.value) in ("zeros", "zeros_like")
        ):
            made |= dict.fromkeys(assigned_names(node), node)
    for node in nodes(trees, file):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Tuple):
            rows = target.slice.elts[0]
            counted = isinstance(rows, ast.Call) and called(rows) in ("arange", "range")
            name = ast.unparse(target.value)
            computed = any(isinstance(part, ast.Add) for part in ast.walk(node.value))  # a reward and what follows
            if counted and len(target.slice.elts) == 2 and name in made and computed:
                return trees.where(file, made[name])
    return None


def state_reset_at_each_piece(trees: Trees, file: str) -> Where | None:
    """Where a network that keeps its state from call to call, detached, is told to forget it in the loop that gives it
    a sequence piece by piece, `x[:, start : start + n]`."""
    every = list(nodes(trees, file))
    kept = {
        ast.unparse(node.targets[0])
        for node in every
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
        if ast.unparse(node.value).endswith(".detach()")
    }
    forgets = {
        function.name
        for function in every
        if isinstance(function, ast.FunctionDef) and function.name != "__init__"
        for node in function.body
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == "None" and ast.unparse(node.targets[0]) in kept
    }
    for loop in every:
        steps = loop.iter if isinstance(loop, ast.For) else None
        if not isinstance(loop, ast.For) or not isinstance(steps, ast.Call) or len(steps.args) != 3:
            continue
        start = ast.unparse(loop.target)
        inside = [node for statement in loop.body for node in ast.walk(statement)]
        pieces = [node for node in inside if isinstance(node, ast.Tuple) and len(node.elts) > 1]
        along = any(isinstance(p.elts[1], ast.Slice) and ast.unparse(p.elts[1]).startswith(f"{start}:") for p in pieces)
        for statement in loop.body if along and called(steps) == "range" else ():
            call = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(call, ast.Call) and called(call) in forgets:
                return trees.where(file, call)
    return None


def argmax_of_one(trees: Trees, file: str) -> Where | None:
    """Where the largest along dimension 1 is taken of what a call just gave: of a single output it is always the
    first."""
    for function in nodes(trees, file):
        if not isinstance(function, (ast.FunctionDef, ast.For, ast.With)) or getattr(function, "name", "") == "forward":
            continue
        read = {id(n.value) for n in ast.walk(function) if isinstance(n, ast.Assign) and _unpacks_two(n)}
        given = {
            name
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _is_applied(node.value)
            for name in assigned_names(node)
        }
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            largest = called(call) == "argmax" or (called(call) == "max" and id(call) in read)
            if largest and (of := _of(call)) is not None:
                along = [a for a in (*call.args, *(k.value for k in call.keywords)) if ast.unparse(a) in ("1", "-1")]
                if along and (ast.unparse(of) in given or (isinstance(of, ast.Call) and _is_applied(of))):
                    return trees.where(file, call)
    return None


def _unpacks_two(statement: ast.Assign) -> bool:
    return isinstance(statement.targets[0], ast.Tuple) and len(statement.targets[0].elts) == 2


def _is_applied(call: ast.Call) -> bool:
    """Whether a call has the look of a network that is given its inputs: `net(x)`, `self(x)` or `self.net(x)`."""
    plain = isinstance(call.func, ast.Name)
    own = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self"
    return bool(call.args) and (plain or own)


def _of(call: ast.Call) -> ast.expr | None:
    """What a function or a method is called of."""
    if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) not in ("torch", "np"):
        return call.func.value
    return call.args[0] if call.args else None


def batch_last(trees: Trees, file: str) -> Where | None:
    """Where the examples' own axis is made the last one by a reshape, `x.reshape(-1, x.shape[0])`, which cuts the
    examples up in place of transposing them."""
    for node in nodes(trees, file):
        if isinstance(node, ast.Call) and called(node) in ("reshape", "view") and isinstance(node.func, ast.Attribute):
            of = ast.unparse(node.func.value)
            shape = node.args[0].elts if node.args and isinstance(node.args[0], ast.Tuple) else node.args
            sizes = [ast.unparse(size) for size in shape]
            lengths = (f"{of}.shape[0]", f"len({of})", f"{of}.size(0)")
            if len(sizes) == 2 and sizes[0] == "-1" and sizes[1] in lengths:
                return trees.where(file, node)
    return None


def mixed_derivatives(trees: Trees, file: str) -> Where | None:
    """Where a gradient as a whole is derived again, `grad(g, x, ones_like(g))`, and the columns of the result are taken
    for second derivatives: each is the sum of a row of the Hessian."""
    for function in nodes(trees, file):
        if not isinstance(function, ast.FunctionDef):
            continue
        derived = dict(_gradients(function))
        for name, call in derived.items():
            of, by = (ast.unparse(argument) for argument in call.args[:2])
            first = derived.get(of)
            columns = {
                ast.unparse(node.slice.elts[1])
                for node in ast.walk(function)
                if isinstance(node, ast.Subscript)
                and ast.unparse(node.value) == name
                and isinstance(node.slice, ast.Tuple)
                and len(node.slice.elts) == 2
            }
            if first is not None and of != name and ast.unparse(first.args[1]) == by and len(columns) > 1:
                return trees.where(file, call)
    return None


def _gradients(function: ast.FunctionDef) -> Iterator[tuple[str, ast.Call]]:
    """The names that a function gives to what `grad(y, x, ...)` returns, each with the call."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            value = node.value.value if isinstance(node.value, ast.Subscript) else node.value
            if isinstance(value, ast.Call) and called(value) == "grad" and len(value.args) > 1:
                yield from ((name, value) for name in assigned_names(node))


def prepared_in_vain(trees: Trees, file: str) -> Where | None:
    """Where what was scaled gets a name that is never used: what was not scaled is used in its place."""
    used = {n.id for n in nodes(trees, file) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for node in nodes(trees, file):
        if not isinstance(node, ast.Assign) or not (names := assigned_names(node)) or set(names) & used:
            continue
        scaled = [n for n in ast.walk(node.value) if isinstance(n, ast.Call) and called(n) == "transform"]
        if scaled and all(len(name) > 1 for name in names):
            return trees.where(file, node)
    return None


def fitted_again(trees: Trees, file: str) -> Where | None:
    """Where what was fitted to the training data, as a scaler, is fitted anew to others: the second
    `scaler.fit_transform` of one name."""
    seen: dict[str, ast.Call] = {}
    for node in sorted(
        (n for n in nodes(trees, file) if isinstance(n, ast.Call) and called(n) == "fit_transform"),
        key=lambda call: call.lineno,
    ):
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if "(" in owner:
            continue  # made for this one
        first = seen.setdefault(owner, node)
        if first is not node and ast.unparse(first) != ast.unparse(node):
            return trees.where(file, node)
    return None

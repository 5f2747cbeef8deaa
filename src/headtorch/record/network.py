"""Network: the graph of one loss reduced to what a person would call the network, with names and places."""

from __future__ import annotations

import math
from typing import Any

from torch.autograd.function import BackwardCFunction

from headtorch.record import losses
from headtorch.record.graph import LINEAR, RECURRENT, VIEWS, Graph, data_inputs, output_shape, saved
from headtorch.record.modules import Description, Modules
from headtorch.record.reshapes import RESHAPES, reordered_by
from headtorch.record.sharded import kept
from headtorch.record.tracing import trace_of
from headtorch.store.records import Loss, Node, Reordered

MAX_NODES = 4_000
MAX_MEASURED = 96
# Operations whose output tells how a layer's units stand. The value is where autograd keeps it: the result itself, or
# the input, from which the result is computed again.
ACTIVATIONS = {
    "Relu": "_saved_result", "Sigmoid": "_saved_result", "Tanh": "_saved_result", "Softmax": "_saved_result",
    "LeakyRelu": "_saved_self", "Gelu": "_saved_self", "Silu": "_saved_self", "Hardtanh": "_saved_self",
    "Softplus": "_saved_self", "Mish": "_saved_self", "Threshold": "_saved_self", "Elu": "_saved_self",
    "ClampMin": "_saved_self", "Hardswish": "_saved_self", "Hardsigmoid": "_saved_self", "PreluKernel": "_saved_self",
    "Clamp": "_saved_self",
}  # fmt: skip
RECURRENT_LAYERS = ("RNN", "LSTM", "GRU")
_DETAILS = (
    "dim",
    "index",
    "p",
    "negative_slope",
    "eps",
    "momentum",
    "training",
    "approximate",
    "min_val",
    "max_val",
    "exponent",
    "is_causal",
)
_MASKS = ("_saved_attn_mask", "_saved_attn_bias")


class Network:
    """What stands between one loss and its weights.

    `measured` are indices into `nodes` of the activations that are measured, `layers` of the linear maps whose output
    gradient is; both are positions in the graph's order for `positions`, so that a later graph of equal length is read
    without being reduced again.
    """

    def __init__(self, graph: Graph, parameter_ids: dict[int, int], names: Description, modules: Modules) -> None:
        paths = graph.weight_paths()
        index: dict[Any, int] = {}
        self.nodes: list[Node] = []
        self.positions: list[int] = []
        self.length = len(graph.order)
        self.truncated = graph.truncated
        self.reordered: list[Reordered] = []
        through: dict[Any, tuple[int, ...]] = {}  # a view's own inputs, so that it can be left out
        for position, (node, name) in enumerate(zip(graph.order, graph.names, strict=True)):
            if node in paths or name == "AccumulateGrad":
                continue
            inner, outside, weight = data_inputs(node, name, paths)
            inputs = tuple(dict.fromkeys(number for child in inner for number in through.get(child, ())))
            # What is selected of a recurrent layer's output tells steps from examples.
            selects = name == "Select" and any(
                self.nodes[i].op in RECURRENT or self.nodes[i].module in RECURRENT_LAYERS for i in inputs
            )
            if name in VIEWS and name != "Expand" and not selects:
                through[node] = inputs
                if name in RESHAPES and (reordered := reordered_by(node)) is not None:
                    self.reordered.append(reordered)
                continue
            if len(self.nodes) >= MAX_NODES:
                self.truncated = True
                through[node] = ()
                continue
            index[node] = len(self.nodes)
            through[node] = (len(self.nodes),)
            self.positions.append(position)
            weight_id = None if weight is None else parameter_ids.get(id(kept(weight.variable)))
            self.nodes.append(_describe(node, name, inputs, outside, weight_id, names, modules))
        self.losses: tuple[Loss, ...] = losses.terms(graph, index, paths)
        self.measured = _spread([i for i, node in enumerate(self.nodes) if node.op in ACTIVATIONS])
        self.layers = _spread(
            [i for i, node in enumerate(self.nodes) if node.weight is not None and node.op in (*LINEAR, *RECURRENT)]
        )

    def fits(self, graph: Graph) -> bool:
        """Whether a later graph has the same structure, so that positions still point at the same operations."""
        return len(graph.order) == self.length and all(
            graph.names[self.positions[i]] == self.nodes[i].op for i in (*self.measured, *self.layers)
        )

    def at(self, graph: Graph, number: int) -> Any:
        """The node of a fitting graph that `nodes[number]` describes."""
        return graph.order[self.positions[number]]


def _spread(numbers: list[int]) -> list[int]:
    """At most MAX_MEASURED of the numbers, evenly spread, the first and the last among them."""
    if len(numbers) <= MAX_MEASURED:
        return numbers
    return [numbers[round(i * (len(numbers) - 1) / (MAX_MEASURED - 1))] for i in range(MAX_MEASURED)]


def _describe(
    node: Any,
    name: str,
    inputs: tuple[int, ...],
    outside: bool,
    weight: int | None,
    names: Description,
    modules: Modules,
) -> Node:
    trace = trace_of(node)
    layer, kind, made_at = "", "", None
    if trace is not None and trace.module is not None:
        known = names.modules.get(trace.module)
        module = known[0] if known is not None else modules.get(trace.module)
        if module is not None:
            # A layer in a plain list stands below no root: its class is all the name it has.
            kind = type(module).__name__
            layer, made_at = known[1] if known is not None else kind, modules.made_at(trace.module)
    detail = {}
    for key in _DETAILS:
        value = getattr(node, f"_saved_{key}", None)
        if isinstance(value, (int, float, str)):
            # autograd tells a negative dimension as an unsigned number
            detail[key] = value - 2**64 if isinstance(value, int) and value > 2**62 else value
    if any(saved(node, mask) is not None for mask in _MASKS):
        detail["masked"] = True
    if isinstance(node, BackwardCFunction) and not _is_of_torch(node):
        detail["own"] = True
    shape = output_shape(node)
    if (factor := _factor(node, name)) is not None:
        # Of a loss, a tensor on the left of the product may be a weight of this step alone, as a reward is.
        if shape != ():
            detail["scaled_by"] = factor
        elif node.next_functions[1][0] is None:
            detail["factor"] = factor
    elif name == "Sub" and shape == () and node.next_functions[0][0] is None:
        detail["factor"] = -1.0  # taken from something outside
    return Node(
        op=name,
        shape=shape,
        inputs=inputs,
        outside=outside,
        weight=weight,
        layer=layer,
        module=kind,
        where=None if trace is None else trace.where,
        made_at=made_at,
        detail=detail,
    )


def _is_of_torch(node: Any) -> bool:
    """Whether a Function written in Python is one of PyTorch's, as that of checkpointing."""
    return str(getattr(type(node), "_forward_cls", type(node)).__module__).partition(".")[0] == "torch"


def _factor(node: Any, name: str) -> float | None:
    """What something is multiplied with, where that is one number on the CPU; what is added, autograd does not keep."""
    if name not in ("Mul", "Div"):
        return None
    sides = [child for child, _ in node.next_functions]
    if len(sides) != 2 or (sides[0] is None) == (sides[1] is None) or (name == "Div" and sides[0] is None):
        return None
    other = saved(node, "_saved_self" if sides[0] is None else "_saved_other")
    if other is None or other.numel() != 1 or other.device.type != "cpu" or other.is_complex():
        return None
    value = float(other)
    if name == "Div":
        value = 1 / value if value else math.nan
    return value if math.isfinite(value) else None  # the run file holds finite numbers

"""Layout: where in a graph stands what the columns of an objective's quantities mean.

A graph changes in mid-training: dropout leaves it in eval mode, a sequence of another length unrolls to more steps, a
branch is taken. A column stays with what it was first given to: a layer's with the uses of its weight, in order, an
activation's with its operation and the last weight before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from headtorch.record import losses
from headtorch.record.graph import LINEAR, RECURRENT, VIEWS, Graph, data_inputs
from headtorch.record.network import ACTIVATIONS, Network
from headtorch.record.sharded import kept

MAX_LAYOUTS = 32  # of one objective
MAX_TERMS = 4  # of a loss, whose predictions and targets are measured
Key = tuple[str, int | None, int]


class Layout(NamedTuple):
    """Positions in a graph's order, None for what it lacks: of the measured activations and of the layers, by column;
    of the first terms of the loss."""

    measured: list[int | None]
    layers: list[int | None]
    terms: list[int | None]


class Layouts:
    """The layouts of one objective, one for each form that its graph has taken of late."""

    def __init__(self, graph: Graph, network: Network, weights: Mapping[int, int]) -> None:
        self._network = network
        self._activations = [network.positions[number] for number in network.measured]
        self._layers = [network.positions[number] for number in network.layers]
        keys = _keys(graph, weights)
        self._activation_keys = [keys.get(position) for position in self._activations]
        self._layer_keys = [keys.get(position) for position in self._layers]
        nodes = [term.node for term in network.losses[:MAX_TERMS]]
        terms = [network.positions[node] if node >= 0 else None for node in nodes]
        self._term_ops = [network.nodes[node].op if node >= 0 else None for node in nodes]
        self._known = {_form(graph, weights): Layout([*self._activations], [*self._layers], terms)}

    def of(self, graph: Graph, weights: Mapping[int, int]) -> Layout:
        """The layout of a graph; `weights` numbers the objective's tensors by id, the same at each call."""
        form = _form(graph, weights)
        layout = self._known.get(form)
        if layout is None:
            if len(self._known) >= MAX_LAYOUTS:
                self._known.pop(next(iter(self._known)))
            layout = self._known[form] = self._find(graph, weights)
        return layout

    def _find(self, graph: Graph, weights: Mapping[int, int]) -> Layout:
        places = {key: position for position, key in _keys(graph, weights).items()}
        paths = graph.weight_paths()
        index = {
            node: position
            for position, (node, name) in enumerate(zip(graph.order, graph.names, strict=True))
            if node not in paths and (name not in VIEWS or name == "Expand")
        }
        found = [term.node if term.node >= 0 else None for term in losses.terms(graph, index, paths)][:MAX_TERMS]
        ops = [None if position is None else graph.names[position] for position in found]
        return Layout(
            [None if key is None else places.get(key) for key in self._activation_keys],
            [None if key is None else places.get(key) for key in self._layer_keys],
            found if ops == self._term_ops else [None] * len(self._term_ops),
        )


def _form(graph: Graph, weights: Mapping[int, int]) -> int:
    """A number that tells graphs apart by their operations and the weights in them."""
    return hash((tuple(graph.names), tuple(weights.get(id(leaf), -1) for leaf in graph.leaves)))


def _keys(graph: Graph, weights: Mapping[int, int]) -> dict[int, Key]:
    """What tells each activation and each linear map of a graph from all others, by position."""
    paths = graph.weight_paths()
    last: dict[Any, int | None] = {}  # the weight at or before each node
    uses: Counter[tuple[str, int | None]] = Counter()
    keys: dict[int, Key] = {}
    for position, (node, name) in enumerate(zip(graph.order, graph.names, strict=True)):
        if node in paths:
            continue
        inner, _, leaf = data_inputs(node, name, paths)
        weight = None if leaf is None else weights.get(id(kept(leaf.variable)))
        before = next((last[child] for child in inner if last.get(child) is not None), None)
        last[node] = before if weight is None else weight
        linear = leaf is not None and (name in LINEAR or name in RECURRENT)
        if linear or name in ACTIVATIONS:
            kind = ("linear" if linear else name, last[node])
            keys[position] = (*kind, uses[kind])
            uses[kind] += 1
    return keys

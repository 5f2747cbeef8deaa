"""The network of a fit as its graph tells it: which operations stand between the weights and the loss."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import cached_property

from headtorch.model import Where
from headtorch.store.records import Loss, Node, Objective

# Operations that keep a network linear. What is not among them is taken to bend, to be on the safe side.
AFFINE = frozenset(
    [
        "Add",
        "Sub",
        "Rsub",
        "Mean",
        "Sum",
        "AvgPool2D",
        "AvgPool1D",
        "AdaptiveAvgPool2D",
        "NativeDropout",
        "Dropout",
        "NativeBatchNorm",
        "MkldnnBatchNorm",
        "CudnnBatchNorm",
        "Neg",
        "Cat",
        "ConstantPadNd",
        "Stack",
    ]
)
LOOK_UPS = ("Embedding", "EmbeddingBag", "Index", "IndexSelect", "Gather")  # by numbers that have no scale
RECURRENT = ("MkldnnRnnLayer", "CudnnRnn", "MiopenRnn")  # operations that hold all steps of a layer
LINEAR = frozenset(
    [
        "Addmm",
        "Mm",
        "Linear",
        "Convolution",
        "MkldnnConvolution",
        "Bmm",
        "Baddbmm",
        "Mv",
        "Addmv",
        "MkldnnLinear",
        "Dot",
    ]
)
# Where the outputs of operations lie; the least value of the smooth ones is at the zero of their slope.
BOUNDED = {
    "Sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
    "Relu": (0.0, math.inf),
    "Softplus": (0.0, math.inf),
    "Exp": (0.0, math.inf),
    "Gelu": (-0.17, math.inf),
    "Silu": (-0.279, math.inf),
    "Mish": (-0.309, math.inf),
    "Hardswish": (-0.375, math.inf),
    "LogSigmoid": (-math.inf, 0.0),
    "LogSoftmax": (-math.inf, 0.0),
}


class Network:
    """The operations of one objective, in order of computation; everything here is a position in `nodes`."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.nodes: tuple[Node, ...] = objective.nodes

    @property
    def loss(self) -> Loss | None:
        """The first term of the loss, where the graph shows one."""
        return self.objective.losses[0] if self.objective.losses else None

    def before(self, number: int) -> Iterator[int]:
        """The nodes that feed a node, directly or through others, nearest first."""
        seen, queue = {number}, list(self.nodes[number].inputs)
        while queue:
            current = queue.pop(0)
            if current not in seen:
                seen.add(current)
                yield current
                queue += self.nodes[current].inputs

    def all_pass(self, numbers: Collection[int]) -> bool:
        """Whether every way from the data to the loss passes one of some nodes."""
        seen, queue = set(numbers), [len(self.nodes) - 1]
        while queue:
            current = queue.pop()
            if current in seen:
                continue
            if _takes_data(self.nodes[current]):
                return False
            seen.add(current)
            queue += self.nodes[current].inputs
        return True

    @property
    def looks_up(self) -> bool:
        """Whether what it is given are only numbers to look something up by, as those of users or words."""
        return not any(node.outside and node.op not in LOOK_UPS for node in self.nodes if not node.inputs)

    @cached_property
    def prediction(self) -> Node | None:
        """The last operation of the network, whose output the loss gets."""
        return None if self.loss is None else self.predicted(self.loss)

    def predicted(self, term: Loss) -> Node | None:
        """The last operation before a term of the loss."""
        return None if term.prediction is None else self.nodes[term.prediction]

    def is_output(self, number: int) -> bool:
        """Whether a node is the network's output, or stands behind its last linear map."""
        return number > self._last_map

    @cached_property
    def _last_map(self) -> int:
        """The last node that multiplies with a weight, or with what is made of weights alone; -1 when none does."""
        for number in reversed(range(len(self.nodes))):
            node = self.nodes[number]
            if node.op in LINEAR and (node.weight is not None or any(map(self.is_made_of_weights, node.inputs))):
                return number
        return -1

    def is_made_of_weights(self, number: int) -> bool:
        """Whether no data enters what leads to a node."""
        nodes = [self.nodes[each] for each in (number, *self.before(number))]
        return not any(_takes_data(node) for node in nodes)

    @cached_property
    def linear_maps(self) -> list[int]:
        """The nodes that multiply with a weight, in order."""
        return [number for number, node in enumerate(self.nodes) if node.weight is not None and node.op in LINEAR]

    @cached_property
    def hidden(self) -> dict[int, list[int]]:
        """The linear maps that feed another one, by their weights: where each weight is used, in order."""
        linear, feeding = set(self.linear_maps), set[int]()
        for number in reversed(range(len(self.nodes))):
            if number in linear or number in feeding:
                feeding.update(self.nodes[number].inputs)
        uses: dict[int, list[int]] = {}
        for number in self.linear_maps:
            weight = self.nodes[number].weight
            if number in feeding and weight is not None:
                uses.setdefault(weight, []).append(number)
        return uses

    @cached_property
    def uses(self) -> Counter[int | None]:
        """How often each weight is applied in one forward pass."""
        return Counter(self.nodes[number].weight for number in self.linear_maps)

    @property
    def passes(self) -> int:
        """How often the most used weight is applied: the steps of an unrolled recurrence."""
        return max(self.uses.values(), default=0)

    def shortest_path(self) -> int:
        """The number of linear maps on the shortest way from the data to the loss: skip connections make it short."""
        return self._depths(min)[-1] if self.nodes else 0

    @cached_property
    def depths(self) -> list[int]:
        """The number of linear maps on the longest way from the data to each node, itself included."""
        return self._depths(max)

    def _depths(self, choose: Callable[..., int]) -> list[int]:
        linear = set(self.linear_maps)
        depths: list[int] = []
        for number, node in enumerate(self.nodes):
            depths.append(choose((depths[other] for other in node.inputs), default=0) + (number in linear))
        return depths

    def collapsed(self) -> list[tuple[int, int]]:
        """Pairs of linear maps with nothing between them that bends: the first feeds the second through one straight
        path."""
        pairs = []
        for number in self.linear_maps:
            current = self.nodes[number]
            while len(current.inputs) == 1:
                (below,) = current.inputs
                current = self.nodes[below]
                if current.weight is not None and below in self.linear_maps:
                    if current.inputs or current.outside:  # else a product of weights, which no data passes
                        pairs.append((below, number))
                    break
                if not is_affine(current):
                    break
        return pairs

    def name(self, number: int) -> str:
        """What a node is called: its layer, or its operation where it stands outside of layers."""
        node = self.nodes[number]
        return node.layer or (f"{node.op.lower()} in line {node.where.line}" if node.where else node.op.lower())


def factor_of(node: Node) -> float | None:
    """What an operation multiplies its only input with; None where it does something else, or that is not known."""
    if len(node.inputs) != 1:
        return None
    if node.op == "Neg":
        return -1.0
    factor = node.detail.get("scaled_by")
    return None if factor is None else float(factor)


def is_affine(node: Node) -> bool:
    """Whether an operation is affine in what the network feeds it; a product with data from outside, a dropout's
    mask, is, and a leaky ReLU of slope 1."""
    straight = node.op == "LeakyRelu" and node.detail.get("negative_slope") == 1
    return node.op in AFFINE or straight or (node.op in ("Mul", "Div") and node.outside and len(node.inputs) == 1)


def _takes_data(node: Node) -> bool:
    """Whether data enters at a node: at a layer that nothing else feeds, or beside what does, as in a skip connection.

    What enters at other operations is a mask, a number, or the targets.
    """
    if node.shape == ():
        return False
    if node.inputs:
        return node.outside and node.op in ("Add", "Cat", "Stack")
    return node.outside or node.weight is not None


def place_of(node: Node) -> Where | None:
    """The user's line for an operation: the one that made the layer when its class is the library's, else the one
    that ran it."""
    return node.made_at or node.where

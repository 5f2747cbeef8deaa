"""Activations: the outputs of the non-linearities of one looked-at step, read from what autograd saved of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch.nn import functional

from headtorch.record.graph import Graph, saved
from headtorch.record.network import ACTIVATIONS, Network
from headtorch.record.rows import Rows, constant, gather, row_length

MAX_ELEMENTS = 1 << 16  # of one activation, for what is asked of its units
MAX_COMPARED = 1 << 14  # of one activation, for what compares its examples
MANY = 32  # activations: of more than these, each is looked at less closely, so that a deep network costs no more


class Activations:
    """The measured activations of one step.

    `units` holds each as (examples, units, positions), a part of the batch where it is large. `slope` and `offset`,
    (activations,), map a sigmoid's or tanh's outputs to -1 .. 1; `slope` is NaN for what does not saturate on both
    sides. `columns` are those of the network's measured activations that are there.
    """

    def __init__(
        self, columns: list[int], rows: Rows, units: list[torch.Tensor], slope: torch.Tensor, offset: torch.Tensor
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.units = units
        self.slope = slope
        self.offset = offset

    @cached_property
    def means(self) -> torch.Tensor:
        """The mean of each, (activations,)."""
        return self.rows.values.sum(dim=1) / self.rows.counts

    @cached_property
    def examples(self) -> list[torch.Tensor]:
        """Fewer examples and positions of each as (examples, units), for what is asked of the differences between
        them."""
        most = _share(MAX_COMPARED, len(self.units))
        return [_fewer(units, most) for units in self.units]

    @cached_property
    def sizes(self) -> torch.Tensor:
        """The root mean square of the `examples` of each, (activations,)."""
        counts = tuple(math.sqrt(max(each.numel(), 1)) for each in self.examples)
        return torch.stack(torch._foreach_norm(self.examples)) / constant(counts, self.slope.device)


_NO_SCALE = (math.nan, 0.0)
_SCALES = {"Sigmoid": (2.0, -1.0), "Tanh": (1.0, 0.0)}


def read(graph: Graph, network: Network, positions: Sequence[int | None]) -> Activations | None:
    """The measured activations of a graph, from their positions in it; None when none of them can be read."""
    columns: list[int] = []
    outputs: list[torch.Tensor] = []
    channels: list[bool] = []
    for column, (number, position) in enumerate(zip(network.measured, positions, strict=True)):
        if position is None:
            continue
        node = graph.order[position]
        kind = network.nodes[number].op
        tensor = saved(node, ACTIVATIONS[kind])
        if tensor is None or tensor.dim() == 0 or tensor.numel() == 0:
            continue
        columns.append(column)
        outputs.append(_output(kind, node, tensor))
        channels.append(_channels_first(network, number, tensor))
    if not outputs:
        return None
    scales = [_SCALES.get(network.nodes[number].op, _NO_SCALE) for number in (network.measured[i] for i in columns)]
    device = outputs[0].device
    most = _share(MAX_ELEMENTS, len(outputs))
    return Activations(
        columns,
        gather(outputs, row_length(len(outputs))),
        [_units(tensor, first, most) for tensor, first in zip(outputs, channels, strict=True)],
        constant(tuple(scale[0] for scale in scales), device),
        constant(tuple(scale[1] for scale in scales), device),
    )


def _output(kind: str, node: Any, tensor: torch.Tensor) -> torch.Tensor:
    """A non-linearity's output; where autograd keeps its input, the output is computed again for a part of the
    batch."""
    if ACTIVATIONS[kind] == "_saved_result":
        return tensor
    if tensor.numel() > MAX_ELEMENTS and tensor.shape[0] > 1:
        tensor = tensor[:: -(-tensor.numel() // MAX_ELEMENTS)]
    match kind:
        case "LeakyRelu":
            return functional.leaky_relu(tensor, float(getattr(node, "_saved_negative_slope", 0.01)))
        case "Elu":  # with their own scales, CELU and SELU too
            scales = (float(getattr(node, f"_saved_{name}", 1.0)) for name in ("alpha", "scale", "input_scale"))
            return torch._C._nn.elu(tensor, *scales)
        case "Gelu":
            return functional.gelu(tensor)
        case "Silu":
            return functional.silu(tensor)
        case "Softplus":
            return functional.softplus(tensor)
        case "Mish":
            return functional.mish(tensor)
        case "Hardtanh":
            low, high = getattr(node, "_saved_min_val", -1.0), getattr(node, "_saved_max_val", 1.0)
            return tensor.clamp(float(low), float(high))
        case "Hardswish":
            return functional.hardswish(tensor)
        case "Hardsigmoid":
            return functional.hardsigmoid(tensor)
        case "Clamp":
            low, high = getattr(node, "_saved_min", None), getattr(node, "_saved_max", None)
            scalars = not isinstance(low, torch.Tensor) and not isinstance(high, torch.Tensor)
            return tensor.clamp(low, high) if scalars else tensor
        case "Threshold":  # what stands below the threshold is another number, which autograd does not keep
            return functional.threshold(tensor, float(getattr(node, "_saved_threshold", 0.0)), 0.0)
        case "ClampMin":
            return functional.relu(tensor)
    return tensor


def _channels_first(network: Network, number: int, tensor: torch.Tensor) -> bool:
    """Whether the units of an activation are its dimension 1 (after a convolution) rather than its last."""
    if tensor.dim() >= 4 or tensor.dim() <= 2:
        return True
    for _ in range(4):
        node = network.nodes[number]
        if "Convolution" in node.op:
            return True
        if not node.inputs or (node.weight is not None and not node.op.endswith("Norm")):
            return False
        number = node.inputs[0]
    return False


def _share(most: int, activations: int) -> int:
    """How many elements of one activation are looked at when there are that many."""
    return most * MANY // max(activations, MANY)


def _units(tensor: torch.Tensor, channels_first: bool, most: int) -> torch.Tensor:
    if tensor.numel() > most and tensor.shape[0] > 1:
        tensor = tensor[:: -(-tensor.numel() // most)]
    if tensor.dim() == 1:
        return tensor[:, None, None]
    if channels_first:
        return tensor[:, :, None] if tensor.dim() == 2 else tensor.flatten(2)
    return tensor.reshape(-1, tensor.shape[-1], 1)


def _fewer(units: torch.Tensor, most: int) -> torch.Tensor:
    excess = -(-units.numel() // most) or 1
    among_positions = min(excess, units.shape[2]) or 1
    some = units[:: -(-excess // among_positions), :, ::among_positions]
    return some.movedim(1, -1).reshape(-1, units.shape[1]).float()

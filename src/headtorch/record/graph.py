"""The autograd graph from a loss down to the weights, walked before backward frees it.

No hook is needed for this: autograd's own nodes tell the operation, the shapes, and the leaves they end in. Tensors
that nodes saved for backward are read only by `saved`, and never when they may be packed by saved-tensor hooks
(activation checkpointing would run the forward pass again).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from headtorch.record.sharded import held, kept

# Only rearrange, so the network is the same without them.
VIEWS = frozenset(
    [
        "View",
        "UnsafeView",
        "ReshapeAlias",
        "Reshape",
        "MkldnnReshape",
        "T",
        "Transpose",
        "Permute",
        "Unsqueeze",
        "Squeeze",
        "Slice",
        "Select",
        "Alias",
        "Clone",
        "AsStrided",
        "ToCopy",
        "Split",
        "SplitWithSizes",
        "UnsafeSplit",
        "Unbind",
        "Chunk",
        "Narrow",
        "Expand",
        "Copy",
        "BackwardHookFunction",
        "Contiguous",
        "Movedim",
        "Flatten",
        "Unfold",
        "Diagonal",
        "_DDPSink",
    ]
)
# Which inputs of a linear map may be data or weight.
LINEAR = {
    "Addmm": (1, 2), "Mm": (0, 1), "Linear": (0, 1), "Convolution": (0, 1), "MkldnnConvolution": (0, 1),
    "Bmm": (0, 1), "Baddbmm": (1, 2), "Mv": (0, 1), "Addmv": (1, 2), "MkldnnLinear": (0, 1), "Dot": (0, 1),
}  # fmt: skip
RECURRENT = frozenset({"MkldnnRnnLayer", "CudnnRnn", "MiopenRnn"})
# Regions that hide their inside: compiled code, reentrant checkpoints, scripted functions.
OPAQUE = ("CompiledFunction", "CheckpointFunction", "DifferentiableGraph", "GeneratedBackward")


def op_name(node: Any) -> str:
    """Autograd's name of an operation without its suffix: "AddmmBackward0" is "Addmm"."""
    name = _NAMES.get(full := type(node).name(node))  # the user may store a `name` on his own Function's context
    if name is None:
        name = full.rsplit("::", 1)[-1].rstrip("0123456789").removesuffix("Backward")
        _NAMES[full] = name
    return name


_NAMES: dict[str, str] = {}


def output_shape(node: Any, index: int = 0) -> tuple[int, ...] | None:
    """The shape of an operation's output, without touching a saved tensor; None where it is not told."""
    try:
        metadata = node._input_metadata
        return tuple(int(size) for size in metadata[index].shape) if len(metadata) > index else None
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return None


def root_of(loss: torch.Tensor) -> Any:
    """The operation that made a loss; of one that was told to require a gradient itself, what collects that; else
    None."""
    if loss.grad_fn is not None or not loss.requires_grad:
        return loss.grad_fn
    return torch.autograd.graph.get_gradient_edge(loss).node


class Graph:
    """The nodes from a loss down to the leaves, inputs first.

    Every node is kept referenced while this lives (autograd would make a new wrapper for it otherwise), so it is to be
    dropped before backward ends. `truncated` says that the walk stopped at `limit` nodes.
    """

    def __init__(self, root: Any, limit: int = 20_000) -> None:
        self.root = root
        self.order: list[Any] = []
        self.truncated = False
        seen = {root}
        stack: list[tuple[Any, Iterator[Any]]] = [(root, iter(root.next_functions))]
        while stack:
            node, children = stack[-1]
            for child, _ in children:
                if child is not None and child not in seen:
                    if len(seen) >= limit:
                        self.truncated = True
                        continue
                    seen.add(child)
                    stack.append((child, iter(child.next_functions)))
                    break
            else:
                self.order.append(node)
                stack.pop()
        self.names = [op_name(node) for node in self.order]

    @property
    def leaves(self) -> list[torch.Tensor]:
        """The leaf tensors that the loss depends on."""
        named = zip(self.order, self.names, strict=True)
        return [kept(node.variable) for node, name in named if name == "AccumulateGrad"]

    def opaque(self) -> tuple[str, ...]:
        """The names of regions that hide their inside."""
        found = {name for name in self.names if any(part in name for part in OPAQUE)}
        if any(getattr(leaf, "_is_flat_param", False) for leaf in self.leaves):
            found.add("FullyShardedDataParallel")  # the older FSDP learns flat copies, which are cut up after each pass
        return tuple(sorted(found))

    def weight_paths(self) -> dict[Any, Any]:
        """Nodes that only rearrange a leaf, each with that leaf's node: the side of an operation where a weight
        enters."""
        paths: dict[Any, Any] = {}
        for node, name in zip(self.order, self.names, strict=True):
            if name == "AccumulateGrad":
                paths[node] = node
            elif name in VIEWS or name.startswith("WeightNorm"):
                children = [child for child, _ in node.next_functions if child is not None]
                if children and all(child in paths for child in children):
                    paths[node] = paths[children[0]]
        return paths


def data_inputs(node: Any, name: str, paths: dict[Any, Any]) -> tuple[list[Any], bool, Any]:
    """What feeds an operation: the nodes of its data inputs, whether data from outside the graph enters, its
    weight's leaf."""
    children = [child for child, _ in node.next_functions]
    weight = None
    if name in LINEAR:
        children = [children[i] for i in LINEAR[name] if i < len(children)]
        weight = next((paths[child] for child in children if child in paths), None)
        if weight is None and name in ("Bmm", "Baddbmm") and all(child is not None for child in children):
            weight = None
    elif name in RECURRENT or name == "Embedding" or name.endswith("Norm"):
        weight = next((paths[child] for child in children if child is not None and child in paths), None)
    inner = [child for child in children if child is not None and child not in paths]
    return inner, any(child is None for child in children), weight


def leave_saved_tensors_alone() -> None:
    """Read no saved tensor from now on."""
    global _readable
    _readable = False


_readable = True


def saved(node: Any, attribute: str) -> torch.Tensor | None:
    """A tensor that a node saved for backward, or None when it has none, freed it, or it is to be left alone."""
    if not _readable:
        return None
    try:
        value = getattr(node, attribute, None)
    except RuntimeError:
        return None
    return held(value.detach()) if isinstance(value, torch.Tensor) and not value.is_nested else None

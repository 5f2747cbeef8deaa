"""What a run consists of, as it stands in the run file: objectives, their graph, parameters, optimizers."""

from __future__ import annotations

import msgspec

from headtorch.model import Where

# The names of losses, by what they compare the prediction with: classes, yes or no, numbers.
CLASSIFYING = ("cross_entropy", "nll")
YES_OR_NO = ("bce", "bce_with_logits")
DISTANCES = ("mse", "l1", "smooth_l1", "huber")


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation between the weights and the loss. Nodes stand in order of computation; view operations are left
    out.

    `op` is autograd's name for it without the suffix ("Addmm", "Relu", "LogSoftmax"). `inputs` are indices of the nodes
    that feed it; `outside` is true when something that is no node (data, a detached tensor) feeds it too.
    `layer` is the qualified name of the innermost module it ran in, `module` that module's class.
    `where` is the user's line that ran it, `made_at` the line that made the module, when the module is a library's.
    `weight` is the id of the parameter when the node is a linear map. `shape` is the output's.
    """

    op: str
    shape: tuple[int, ...] | None = None
    inputs: tuple[int, ...] = ()
    outside: bool = False
    weight: int | None = None
    layer: str = ""
    module: str = ""
    where: Where | None = None
    made_at: Where | None = None
    detail: dict[str, float | int | str | bool] = {}


class Loss(msgspec.Struct, frozen=True, omit_defaults=True):
    """One term of the loss: what it compares and where.

    `name` is "cross_entropy", "nll", "mse", "l1", "bce", "bce_with_logits", ... or "unknown". `node` is the index of
    its node, `prediction` that of the last node of the network before it (None when the network's output is not seen).
    `weighted` says that its classes are weighted, `class_weights` how, where they are few; `ignored` is the class whose
    examples do not count, if any does not, or the blank of a `ctc`; `pos_weight` how much a yes counts beside a no,
    where it is told.
    `broadcast` gives two shapes when prediction and target were broadcast against each other.
    """

    name: str
    node: int
    prediction: int | None = None
    reduction: str | None = None
    target_shape: tuple[int, ...] | None = None
    target_dtype: str | None = None
    prediction_shape: tuple[int, ...] | None = None
    broadcast: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    weighted: bool = False
    pos_weight: float | None = None
    ignored: int | None = None
    class_weights: tuple[float, ...] = ()


def term_prefix(number: int) -> str:
    """What stands before the names of the quantities of a loss's term, counted from 0: nothing for the first."""
    return f"term{number + 1}_" if number else ""


class Reordered(msgspec.Struct, frozen=True):
    """A view that gives a tensor the lengths that a transpose would, some of them merged or split, without moving its
    numbers."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    where: Where | None = None


class Objective(msgspec.Struct, frozen=True, omit_defaults=True):
    """A loss that is minimised over a set of parameters; a script has one, a GAN two, a fine-tuning one a phase.

    `parameters` are ids in the order of the parameter quantities; `reached` are those that the loss depends on.
    `frozen` are those that do not require a gradient now. `nodes` are empty when the graph could not be read. `opaque`
    names regions that hide their inside. `measured` are the indices of the nodes whose activations are measured,
    `layers` of the linear maps whose output gradient is, in the order of those quantities. `roots` are the modules
    called for this loss. `reordered` are the views that should be transposes. `by_hand` says that the user holds the
    weights himself, `truncated` that the graph was too large to be read whole.
    """

    id: int
    first_step: int
    backward_at: Where | None = None
    stack: tuple[Where, ...] = ()
    parameters: tuple[int, ...] = ()
    reached: tuple[int, ...] = ()
    frozen: tuple[int, ...] = ()
    nodes: tuple[Node, ...] = ()
    losses: tuple[Loss, ...] = ()
    measured: tuple[int, ...] = ()
    layers: tuple[int, ...] = ()
    opaque: tuple[str, ...] = ()
    roots: tuple[int, ...] = ()
    reordered: tuple[Reordered, ...] = ()
    by_hand: bool = False
    truncated: bool = False


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tensor that can learn. `module` is the id of the module that owns it, `kind` that module's class.

    `is_parameter` is false for a plain tensor that the user holds himself, `loaded` true when its first values came
    from a state dict, `sharded` when this process held a part of it only.
    """

    id: int
    name: str
    shape: tuple[int, ...]
    trainable: bool
    dtype: str = "float32"
    is_parameter: bool = True
    module: int | None = None
    kind: str = ""
    loaded: bool = False
    sharded: bool = False


class Module(msgspec.Struct, frozen=True, omit_defaults=True):
    """A module that was called: its class, its name within its root, the line that made it, and the line that called
    it."""

    id: int
    name: str
    kind: str
    parent: int | None = None
    made_at: Where | None = None
    called_at: Where | None = None
    parameters: tuple[int, ...] = ()
    settings: dict[str, float | int | str | bool | None] = {}


class Optimizer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An optimizer: its class, its settings by group, the stack of user lines that made it (innermost first).

    `groups` are as they were at its first step, when a scheduler may have changed the rates that it was `made_with`.
    """

    id: int
    kind: str
    made_at: tuple[Where, ...] = ()
    stepped_at: Where | None = None
    groups: tuple[dict[str, float | int | str | bool | None], ...] = ()
    parameters: tuple[int, ...] = ()
    made_after_step: int = 0
    made_with: tuple[float, ...] = ()

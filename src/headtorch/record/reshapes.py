"""Reshapes: views that give a tensor the shape which only an exchange of its dimensions could rightly give it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, combinations
from operator import mul
from typing import Any

from headtorch.record.graph import RECURRENT, Graph, op_name, output_shape, saved
from headtorch.record.tracing import trace_of
from headtorch.store.records import Reordered

RESHAPES = ("View", "UnsafeView", "ReshapeAlias", "Reshape")


def input_reordered(graph: Graph, shape: tuple[int, ...], address: int) -> Reordered | None:
    """The first convolution that reads what was given to the network, contiguous and at that address, as another shape.

    A view of what needs no gradient leaves no trace in the graph.
    """
    for node, name in zip(graph.order, graph.names, strict=True):
        read = saved(node, "_saved_input") if "Convolution" in name else None
        if read is not None and read.data_ptr() == address and read.is_contiguous():
            after = tuple(read.shape)
            trace = trace_of(node)
            where = None if trace is None else trace.where
            return Reordered(shape, after, where) if in_another_order(shape, after) else None
    return None


def reordered_by(view: Any) -> Reordered | None:
    """What a view does, if the user's own line makes it and gives its input's lengths in another order.

    A library's are sound: attention of one query views (1, examples, heads * width) as (1, examples * heads, width).
    """
    before, after, trace = getattr(view, "_saved_self_sym_sizes", None), output_shape(view), trace_of(view)
    if before is None or after is None or (trace is not None and not trace.direct) or _skews(view):
        return None
    before = tuple(int(size) for size in before)
    crossed = in_another_order(before, after) or (_is_state(view) and _mixes_examples(before, after))
    return Reordered(before, after, None if trace is None else trace.where) if crossed else None


def _is_state(view: Any) -> bool:
    """Whether what is viewed is the last state of a recurrent layer, (layers * directions, examples, width)."""
    child, position = view.next_functions[0]
    return child is not None and (op_name(child) == "Stack" or (op_name(child) in RECURRENT and position > 0))


def _mixes_examples(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a view of states begins with the examples, which are their second dimension."""
    if len(before) != 3 or len(after) != 2 or before[0] < 2:
        return False
    return before[0] != before[1] and tuple(after) == (before[1], before[0] * before[2])


def _skews(view: Any) -> bool:
    """Whether what is viewed was just padded: cut anew, its rows are each shifted by one more, as is done on purpose
    for relative positions (Dai et al., "Transformer-XL", 2019)."""
    padded = view.next_functions[0][0]
    if padded is None:
        return False
    return op_name(padded) == "ConstantPadNd" or (
        op_name(padded) == "Cat" and any(child is None for child, _ in padded.next_functions)
    )


def in_another_order(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a shape holds the lengths of another in another order, or products of them; lengths of 1 do not count.

    Products are looked at where the first dimension stays, for what is otherwise told may be sound: attention views
    (steps, examples * heads, width) as (steps * examples, heads * width).
    """
    before, after = ([size for size in shape if size > 1] for shape in (before, after))
    if len(before) == len(after):
        return before != after and (sorted(before) == sorted(after) or _parts_past_steps(before, after))
    parts, wholes = sorted((before, after), key=len, reverse=True)
    return parts[:1] == wholes[:1] and _cut_across(parts, wholes) and _make(parts[1:], wholes[1:])


def _parts_past_steps(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a view makes parts of the last dimension examples, past the steps between them: (examples, steps, heads *
    width) as (examples * heads, steps, width), for which steps and heads have to be exchanged first."""
    if len(before) != 3 or before[1] != after[1]:
        return False
    return after[0] > before[0] and after[0] % before[0] == 0 and before[2] == after[2] * (after[0] // before[0])


def _cut_across(lengths: Sequence[int], others: Sequence[int]) -> bool:
    """Whether the dimensions of one shape cut one of another so that both its parts join a neighbour, or that it comes
    apart in no whole parts.

    A dimension of which one part alone joins a neighbour may be meant: (examples, steps, width) seen as (examples,
    steps / 2, 2 * width) joins each two steps.
    """
    ends = {1, *accumulate(reversed(others), mul)}
    inner = 1
    for length in reversed(lengths):
        outer = inner * length
        cuts = [end for end in ends if inner < end < outer]
        if any(end % inner or outer % end for end in cuts) or (cuts and not {inner, outer} & ends):
            return True
        inner = outer
    return False


def _make(lengths: Sequence[int], products: Sequence[int]) -> bool:
    """Whether some lengths, in any order, can be put together to give these products, in theirs."""
    if not products:
        return not lengths
    numbers = range(len(lengths))
    return any(
        math.prod(lengths[number] for number in chosen) == products[0]
        and _make([lengths[number] for number in numbers if number not in chosen], products[1:])
        for count in range(1, len(lengths) + 1)
        for chosen in combinations(numbers, count)
    )

"""Describer: writes what an objective consists of: its network, modules and parameters, each with its place."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence

import torch
from torch import nn

from headtorch.record.graph import Graph
from headtorch.record.layout import Layouts
from headtorch.record.modules import Description, Modules
from headtorch.record.network import Network
from headtorch.record.objectives import Objective, TensorNumbers
from headtorch.record.outbox import Outbox
from headtorch.record.reshapes import input_reordered
from headtorch.record.rows import ROW, plain, sample
from headtorch.record.sharded import is_sharded
from headtorch.record.source import Sources, variables
from headtorch.record.writer import Writer
from headtorch.store import records

MAX_WATCHED = 4096  # parameters


class Describer:
    """Describes objectives into the run file."""

    def __init__(
        self, writer: Writer, sources: Sources, modules: Modules, numbers: TensorNumbers, outbox: Outbox
    ) -> None:
        self._writer = writer
        self._sources = sources
        self._modules = modules
        self._numbers = numbers
        self._outbox = outbox
        self._written: set[int] = set()  # parameters

    def describe(
        self,
        objective: Objective,
        graph: Graph,
        called: Sequence[nn.Module],
        step: int,
        traced: bool,
        entered: tuple[tuple[int, ...], int] | None,
    ) -> None:
        """Write an objective; `called` are the modules called for its loss, `traced` says that their lines are known.

        `entered` are the shape and the address of the tensor that was given to them.
        """
        first = objective.network is None
        tops = self._modules.tops(called)
        names = self._modules.describe(tops)
        reached = [tensor for reference in objective.reached if (tensor := reference()) is not None]
        if first:
            owned = [tensor for tensor, _, _ in names.parameters.values()]
            watched = list({id(tensor): tensor for tensor in [*owned, *reached]}.values())[:MAX_WATCHED]
            objective.watched = [weakref.ref(tensor) for tensor in watched]
            self._write_modules(names)
        # Weights that the user holds himself may be new tensors by now.
        self._write_parameters(names, [tensor for tensor in objective.tensors() if tensor is not None], step + 1)
        ids = {
            id(tensor): self._numbers.number(tensor)
            for tensor in (*objective.tensors(), *reached)
            if tensor is not None
        }
        network = Network(graph, ids, names, self._modules)
        if entered is not None and (reordered := input_reordered(graph, *entered)) is not None:
            network.reordered.append(reordered)
        objective.network = network
        objective.layouts = Layouts(graph, network, objective.columns())
        objective.traced = traced
        objective.tries += 1
        stack = self._sources.stack()
        self._writer.record(
            "objective",
            objective.number,
            records.Objective(
                id=objective.number,
                first_step=step,
                backward_at=stack[0] if stack else None,
                stack=stack,
                parameters=tuple(self._numbers.number(t) for t in objective.tensors() if t is not None),
                reached=tuple(ids[id(tensor)] for tensor in reached),
                frozen=tuple(
                    self._numbers.number(t) for t in objective.tensors() if t is not None and not t.requires_grad
                ),
                nodes=tuple(network.nodes),
                losses=network.losses,
                measured=tuple(network.measured),
                layers=tuple(network.layers),
                opaque=graph.opaque(),
                roots=tuple(self._modules.number(root) for root in called),
                reordered=tuple(network.reordered),
                by_hand=objective.raw,
                truncated=network.truncated,
            ),
        )

    def _write_modules(self, names: Description) -> None:
        for module, name, parent in names.modules.values():
            number = self._modules.number(module)
            owned = tuple(self._numbers.number(p) for p in module._parameters.values() if p is not None)
            above = None if parent is None else self._modules.number(parent)
            self._writer.record("module", number, self._modules.record(module, name, above, owned))

    def _write_parameters(self, names: Description, watched: Sequence[torch.Tensor], step: int) -> None:
        outside = {} if all(id(tensor) in names.parameters for tensor in watched) else _names_in_frames(self._sources)
        for tensor in watched:
            _, name, module = names.parameters.get(id(tensor), (None, outside.get(id(tensor), ""), None))
            if module is None and (owner := self._modules.owner(tensor)) is not None:
                module, name = owner[0], f"{type(owner[0]).__name__}.{owner[1]}"
            number = self._numbers.number(tensor)
            if number in self._written:
                continue
            self._written.add(number)
            self._writer.record(
                "parameter",
                number,
                records.Parameter(
                    id=number,
                    name=name or f"weight {number}",
                    shape=tuple(tensor.shape),
                    trainable=tensor.requires_grad,
                    dtype=str(tensor.dtype).removeprefix("torch."),
                    is_parameter=isinstance(tensor, nn.Parameter),
                    module=None if module is None else self._modules.number(module),
                    kind="" if module is None else type(module).__name__,
                    sharded=is_sharded(tensor),
                    loaded=self._numbers.loaded(tensor),
                ),
            )
            first = torch.cat([_first_values(tensor.detach()), self._numbers.still_loaded(tensor).reshape(1)])
            self._outbox.put(number, "initial_weight", step, first)


def _names_in_frames(sources: Sources) -> dict[int, str]:
    """What the user's own variables call tensors that belong to no module, by id."""
    names: dict[int, str] = {}
    for frame, _ in zip(sources.user_frames(sys._getframe(1)), range(4), strict=False):
        for name, value in variables(frame):
            if isinstance(value, torch.Tensor):
                names.setdefault(id(value), name)
    return names


def _first_values(tensor: torch.Tensor) -> torch.Tensor:
    """Standard deviation, largest absolute value, and share of output units equal to another unit, (3,)."""
    tensor = plain(tensor)
    if not tensor.numel():
        return torch.full((3,), float("nan"), device=tensor.device)
    values = sample(tensor, 16 * ROW).float()
    equal = values.new_full((), float("nan"))
    if tensor.dim() >= 2 and tensor.shape[0] > 1:
        units = tensor[:64].reshape(min(64, tensor.shape[0]), -1)[:, :256].float()
        equal = (units[1:] == units[:-1]).all(dim=1).float().mean()
    return torch.stack([values.std(correction=0), values.abs().amax(), equal])

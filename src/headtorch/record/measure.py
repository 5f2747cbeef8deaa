"""Measurements: what is measured at the looked-at steps, each quantity at its moment of the step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch._C._dynamo import eval_frame

from headtorch.record import activations, quantities
from headtorch.record.graph import Graph, saved
from headtorch.record.objectives import Objective
from headtorch.record.optimizers import OptimizerState
from headtorch.record.outbox import Outbox
from headtorch.record.rows import ROW, Updates, sample
from headtorch.record.statistics import describable


class Pass:
    """One backward pass that is being recorded."""

    def __init__(self, objective: Objective, step: int, looked: bool) -> None:
        self.objective = objective
        self.step = step
        self.looked = looked
        self.wanted: Sequence[torch.Tensor] = ()
        self.layer_gradients: list[torch.Tensor | None] = []
        self.hooks: list[Any] = []


class Measurements:
    """Measures the quantities and puts them into the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def of_input(self, tensor: torch.Tensor | None) -> list[tuple[str, torch.Tensor]]:
        """What there is to say of the first tensor given to the network, by quantity."""
        if tensor is None or not describable(tensor):
            return []
        return [(quantity.name, quantity.measure(tensor.detach())) for quantity in quantities.of("input")]

    def compare(
        self, owner: int, prefix: str, step: int, loss: str, prediction: torch.Tensor, target: torch.Tensor | None
    ) -> None:
        """What the loss gets from the network and what it compares that with."""
        if not describable(prediction):
            return
        for quantity in quantities.of("prediction"):
            self._outbox.put(owner, prefix + quantity.name, step, quantity.measure(prediction))
        if target is None or not describable(target):
            return
        for quantity in quantities.of("target"):
            self._outbox.put(owner, prefix + quantity.name, step, quantity.measure(target))
        for quantity in quantities.of("comparison"):
            self._outbox.put(owner, prefix + quantity.name, step, quantity.measure(loss, prediction, target))

    def update(self, objective: Objective) -> None:
        """How the weights have changed since the last backward pass, when that was looked at."""
        if objective.before is None:
            return
        step, before, gradients = objective.before
        objective.before = None
        now = objective.rows(objective.tensors())
        updates = Updates(now.values - before.values, before.values, gradients.values)
        for quantity in quantities.of("update"):
            self._outbox.put(objective.number, quantity.name, step, quantity.measure(updates))

    def stale(self, objective: Objective, step: int, fresh: Sequence[OptimizerState]) -> None:
        """What an optimizer that has just stepped left in its gradients; without optimizers, what is in any
        gradient."""
        if objective.held_by and not fresh:
            return
        left = [
            tensor.grad
            if tensor is not None
            and tensor.is_leaf
            and (not objective.held_by or any(id(tensor) in state.held for state in fresh))
            else None
            for tensor in objective.tensors()
        ]
        if any(gradient is not None for gradient in left):
            rows = objective.rows(left)
            for quantity in quantities.of("stale"):
                self._outbox.put(objective.number, quantity.name, step, quantity.measure(rows))

    def forward(self, now: Pass, graph: Graph, entered: torch.Tensor | None) -> None:
        """What the forward pass has left in the graph; layers' output gradients are kept from now on.

        `entered` is the first tensor that was given to the network.
        """
        network, objective = now.objective.network, now.objective
        if network is None or not network.fits(graph):
            return
        if (read := activations.read(graph, network)) is not None:
            for quantity in quantities.of("activation"):
                self._outbox.put(objective.number, quantity.name, now.step, quantity.measure(read))
        now.layer_gradients = [None] * len(network.layers)
        for position, number in enumerate(network.layers):
            node = network.at(graph, number)
            now.hooks.append(node.register_prehook(partial(keep_gradient, now.layer_gradients, position)))
        for loss in network.losses[:1]:
            if loss.node < 0:
                continue
            node = network.at(graph, loss.node)
            prediction = saved(node, "_saved_self")
            if prediction is None:
                prediction = saved(node, "_saved_result")
            if prediction is not None and prediction.is_floating_point() and prediction.dim():
                target = saved(node, "_saved_target")
                self.compare(objective.number, "", now.step, loss.name, prediction, target)
                if entered is not None and target is not None and describable(entered):
                    for quantity in quantities.of("pair"):
                        values = quantity.measure(entered.detach(), target)
                        self._outbox.put(objective.number, quantity.name, now.step, values)

    def backward(self, now: Pass, gradients: Any) -> None:
        """The gradients and the weights, right after backward."""
        objective = now.objective
        tensors = objective.tensors()
        found = _gradients(tensors, now.wanted, gradients)
        rows = objective.rows(found)
        for quantity in quantities.of("gradient"):
            self._outbox.put(objective.number, quantity.name, now.step, quantity.measure(rows))
        if now.layer_gradients:
            layer_rows = objective.rows(now.layer_gradients)
            for quantity in quantities.of("output_grad"):
                self._outbox.put(objective.number, quantity.name, now.step, quantity.measure(layer_rows))
        weights = objective.rows(tensors)
        objective.before = (now.step, weights, rows)
        for quantity in quantities.of("weight"):
            self._outbox.put(objective.number, quantity.name, now.step, quantity.measure(weights))


def keep_gradient(gradients: list[torch.Tensor | None], position: int, incoming: Sequence[torch.Tensor | None]) -> None:
    """Keep the gradient of a layer's output: a hook inside the user's backward, so it holds its own errors back."""
    compiler = eval_frame.set_eval_frame(None)
    try:
        with torch.no_grad():
            if incoming and incoming[0] is not None:
                gradients[position] = sample(incoming[0].detach(), ROW).clone()
    except Exception:
        gradients[position] = None
    finally:
        eval_frame.set_eval_frame(compiler)


def _gradients(
    tensors: Sequence[torch.Tensor | None], wanted: Sequence[torch.Tensor], returned: Any
) -> list[torch.Tensor | None]:
    """The gradient of each watched tensor: its .grad, or what autograd.grad returned for it."""
    by_id = {}
    if returned:
        by_id = {id(tensor): gradient for tensor, gradient in zip(wanted, returned, strict=False)}
    return [
        None if tensor is None else by_id.get(id(tensor), tensor.grad if tensor.is_leaf and not returned else None)
        for tensor in tensors
    ]

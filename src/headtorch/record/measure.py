"""Measurements: what is measured at the looked-at steps, each quantity at its moment of the step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch._C._dynamo import eval_frame

from headtorch.record import activations, quantities
from headtorch.record.differences import is_difference, sides
from headtorch.record.entered import Entered
from headtorch.record.graph import Graph, saved
from headtorch.record.objectives import Objective
from headtorch.record.optimizers import OptimizerState
from headtorch.record.outbox import Held, Outbox
from headtorch.record.rows import Rows, Updates, constant, plain, row_length, sample
from headtorch.record.statistics import describable
from headtorch.store.records import term_prefix


class Pass:
    """One backward pass that is being recorded."""

    def __init__(self, objective: Objective, step: int, looked: bool) -> None:
        self.objective = objective
        self.step = step
        self.looked = looked
        self.wanted: Sequence[torch.Tensor] = ()
        self.layer_gradients: list[torch.Tensor | None] = []
        self.layers: list[int] = []  # which of the network's layers are in its graph
        self.hooks: list[Any] = []
        self.weights: Rows | None = None  # before backward, when looked at


class Measurements:
    """Measures the quantities and puts them into the outbox."""

    def __init__(self, outbox: Outbox | Held) -> None:
        self._outbox = outbox

    def given(self, kind: str, tensor: torch.Tensor | None) -> list[tuple[str, torch.Tensor]]:
        """What there is to say of a tensor given to the network, by quantity; `kind` is "input" or "other input"."""
        if tensor is None or not describable(tensor):
            return []
        return [(quantity.name, quantity.measure(tensor.detach())) for quantity in quantities.of(kind)]

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

    def weights(self, now: Pass) -> None:
        """The weights right before backward, and their change since the last backward pass, when that was looked at."""
        objective, before = now.objective, now.objective.before
        objective.before = None
        if objective.gone or (before is None and not now.looked):
            return
        rows = objective.rows(objective.tensors())
        if before is not None:
            step, weights, gradients = before
            updates = Updates(rows.values - weights.values, weights.values, gradients.values)
            for quantity in quantities.of("update"):
                self._outbox.put(objective.number, quantity.name, step, quantity.measure(updates))
        if now.looked:
            now.weights = rows
            for quantity in quantities.of("weight"):
                self._outbox.put(objective.number, quantity.name, now.step, quantity.measure(rows))

    def loaded(self, objective: Objective, step: int) -> None:
        """The weights that a state dict has just brought."""
        rows = objective.rows(objective.tensors())
        for quantity in quantities.of("weight"):
            self._outbox.put(objective.number, f"loaded_{quantity.name}", step, quantity.measure(rows))

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

    def kept(self, objective: Objective, step: int) -> None:
        """What backward is added to where no step has used it yet: 0 where it was reset all the same."""
        tensors = objective.tensors()
        kept = [tensor.grad if tensor is not None and tensor.is_leaf else None for tensor in tensors]
        device = next((tensor.device for tensor in tensors if tensor is not None), None)
        nothing = all(gradient is None for gradient in kept)
        total = torch.zeros((), device=device) if nothing else objective.rows(kept).norms().sum()
        self._outbox.put(objective.number, "kept_grad_norm", step, total)

    def applied(self, objective: Objective) -> None:
        """How a step's gradients stand to those of the last backward pass: their cosine, and the ratio of lengths."""
        if objective.before is None:
            return
        step, _, last = objective.before
        now = objective.rows(_gradients(objective.tensors(), (), None))
        lengths = torch.stack([torch.linalg.vector_norm(last.values), torch.linalg.vector_norm(now.values)])
        cosine = (last.values * now.values).sum() / lengths.prod()
        self._outbox.put(objective.number, "applied_grad", step, torch.stack([cosine, lengths[1] / lengths[0]]))

    def forward(self, now: Pass, graph: Graph, entered: Entered | None) -> None:
        """What the forward pass has left in the graph, beside what the network was given; layers' output gradients are
        kept from now on."""
        network, layouts, objective = now.objective.network, now.objective.layouts, now.objective
        if network is None or layouts is None:
            return
        layout = layouts.of(graph, objective.columns())
        if (read := activations.read(graph, network, layout.measured)) is not None:
            for quantity in quantities.of("activation"):
                vector = _widened(quantity.measure(read), read.columns, len(network.measured))
                self._outbox.put(objective.number, quantity.name, now.step, vector)
        now.layer_gradients = [None] * len(network.layers)
        now.layers = [column for column, position in enumerate(layout.layers) if position is not None]
        length = row_length(4 * len(now.layers))  # one norm is all that is asked of them
        for column in now.layers:
            node = graph.order[layout.layers[column] or 0]
            now.hooks.append(node.register_prehook(partial(keep_gradient, now.layer_gradients, column, length)))
        for number, (loss, position) in enumerate(zip(network.losses, layout.terms, strict=False)):
            if position is None or (number and loss.name == "unknown"):
                continue
            prediction, target = _compared(graph.order[position])
            if prediction is None or not prediction.is_floating_point() or not prediction.dim():
                continue
            self.compare(objective.number, term_prefix(number), now.step, loss.name, prediction, target)
            if not number and entered is not None and target is not None:
                for quantity in quantities.of("pair"):
                    values = quantity.measure(entered, target)
                    self._outbox.put(objective.number, quantity.name, now.step, values)

    def backward(self, now: Pass, gradients: Any) -> None:
        """The gradients, right after backward."""
        objective = now.objective
        found = _gradients(objective.tensors(), now.wanted, gradients)
        rows = objective.rows(found)
        for quantity in quantities.of("gradient"):
            self._outbox.put(objective.number, quantity.name, now.step, quantity.measure(rows))
        if now.layers:
            layer_rows = objective.rows([now.layer_gradients[column] for column in now.layers])
            for quantity in quantities.of("output_grad"):
                vector = _widened(quantity.measure(layer_rows), now.layers, len(now.layer_gradients))
                self._outbox.put(objective.number, quantity.name, now.step, vector)
        if now.weights is not None:
            objective.before = (now.step, now.weights, rows)


def keep_gradient(
    gradients: list[torch.Tensor | None], position: int, length: int, incoming: Sequence[torch.Tensor | None]
) -> None:
    """Keep the gradient of a layer's output: a hook inside the user's backward, so it holds its own errors back."""
    compiler = eval_frame.set_eval_frame(None)
    try:
        with torch.no_grad():
            if incoming and incoming[0] is not None:
                gradients[position] = sample(plain(incoming[0].detach()), length).clone()
    except Exception:
        gradients[position] = None
    finally:
        eval_frame.set_eval_frame(compiler)


def _compared(node: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The prediction and the target of the loss at a node, as far as autograd has kept them."""
    if is_difference(node):
        return sides(node) or (None, None)
    if (scores := saved(node, "_saved_log_probs")) is not None:
        return scores, saved(node, "_saved_targets")
    prediction = saved(node, "_saved_self")
    return prediction if prediction is not None else saved(node, "_saved_result"), saved(node, "_saved_target")


def _widened(vector: torch.Tensor, columns: Sequence[int], width: int) -> torch.Tensor:
    """A vector with a place for every column, NaN in those that are not there."""
    if len(columns) == width:
        return vector
    wide = vector.new_full((width,), float("nan"))
    return wide.index_copy_(0, constant(tuple(columns), vector.device, torch.long), vector)


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

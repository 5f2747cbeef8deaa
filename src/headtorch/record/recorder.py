"""Recorder: turns what the taps see into the run file.

It runs on the training's own thread, inside the user's calls, so it draws no random number, changes no tensor, keeps
none alive, and reads no value back from an accelerator. What it cannot do it leaves out.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch._C._dynamo import eval_frame

from headtorch.model import Where
from headtorch.record import activations, quantities
from headtorch.record.graph import Graph, saved
from headtorch.record.modules import Description, Modules, mode
from headtorch.record.network import Network
from headtorch.record.objectives import Objective, Reference, Site, TensorNumbers, learners_of
from headtorch.record.optimizers import Optimizers, OptimizerState
from headtorch.record.outbox import Outbox
from headtorch.record.recurrent import Recurrent
from headtorch.record.rows import ROW, Updates, plain, sample
from headtorch.record.schedule import looked_at
from headtorch.record.source import Sources, variables
from headtorch.record.statistics import describable
from headtorch.record.tracing import Tracer
from headtorch.record.writer import Writer
from headtorch.store import records

MAX_OBJECTIVES = 64  # a search over hundreds of trainings need not describe each
MAX_TRIES = 8  # of tracing an objective's lines
MAX_WATCHED = 4096  # parameters
MAX_EVALUATED_AT = 16  # places
MAX_EVALUATED = 64  # modules


class Pass:
    """One backward pass that is being recorded."""

    def __init__(self, objective: Objective, step: int, looked: bool) -> None:
        self.objective = objective
        self.step = step
        self.looked = looked
        self.wanted: Sequence[torch.Tensor] = ()
        self.layer_gradients: list[torch.Tensor | None] = []
        self.hooks: list[Any] = []


class Recorder:
    """Records one process's trainings into one run file."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.sources = Sources(writer.source)
        self.tracer = Tracer(self.sources)
        self.modules = Modules(self.sources)
        self.recurrent = Recurrent()
        self.numbers = TensorNumbers()
        self.optimizers = Optimizers(self.sources, self.numbers, writer)
        self.outbox = Outbox(self._deliver)
        self.step = 0  # backward passes so far
        self.evaluations = 0
        self.last_loss: float | None = None
        self._objectives: list[Objective] = []
        self._by_site: dict[Site, Objective] = {}
        self._current: Objective | None = None
        self._roots: dict[int, tuple[weakref.ref[nn.Module], tuple[int, ...]]] = {}
        self._modes: dict[int, tuple[int, ...]] = {}
        self._inputs: list[tuple[str, torch.Tensor]] = []
        self._raw_seen: dict[Site, list[Reference]] = {}
        self._nan_seen = False
        self._entered: Reference | None = None  # the first tensor given to the network in this pass
        self._entry = 0  # id of the module that the training data enters
        self._look_next = True
        self._last_root_trains = True
        self._written: set[tuple[str, int]] = set()
        self._evaluated_at: set[tuple[Where, ...]] = set()
        self._evaluated_modules: set[int] = set()

    # ---- forward ------------------------------------------------------------------------------------------------

    def root_called(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], grad: bool) -> None:
        """A module with parameters was called from outside any other; `grad` says whether autograd follows."""
        key = id(module)
        self._last_root_trains = module.training
        self.modules.called(module)
        state = self._modes.get(key)
        if not grad:
            looked = looked_at(self.evaluations)
            self.evaluations += 1
            if looked:
                self._evaluated(module, _first_tensor(args, kwargs))
            return
        if state is None or state[0] != module.training or self._look_next:
            state = self._modes[key] = (int(module.training), *mode(module))
        first = not self._roots
        self._roots[key] = (weakref.ref(module), state)
        if first:
            self._entry = key
            tensor = _first_tensor(args, kwargs)
            self._entered = None if tensor is None else weakref.ref(tensor)
            if self._look_next and tensor is not None and describable(tensor):
                self._inputs = [(q.name, q.measure(tensor.detach())) for q in quantities.of("input")]

    def _evaluated(self, module: nn.Module, tensor: torch.Tensor | None) -> None:
        owner = self._current.number if self._current else -1
        stack = self.sources.stack()
        if stack not in self._evaluated_at and len(self._evaluated_at) < MAX_EVALUATED_AT:
            self._evaluated_at.add(stack)
            self.writer.event(self.step, "evaluation", where=stack)
        number = self.modules.number(module)
        if number not in self._evaluated_modules and len(self._evaluated_modules) < MAX_EVALUATED:
            self._evaluated_modules.add(number)
            self.writer.event(self.step, "evaluated", module=number)
        examples = float(tensor.shape[0]) if tensor is not None and tensor.dim() else 1.0
        self.writer.sample(
            owner, "evaluation", self.step, [float(module.training), *map(float, mode(module)), examples]
        )
        if tensor is not None and id(module) == self._entry and describable(tensor):
            for quantity in quantities.of("input"):
                self.outbox.put(owner, f"eval_{quantity.name}", self.step, quantity.measure(tensor.detach()))

    def recurrent_called(self, args: tuple[Any, ...], result: Any, grad: bool) -> None:
        """A recurrent layer has run."""
        if (begun := self.recurrent.called(self.step, args, result, grad)) is not None:
            weight, state = begun
            self.outbox.put(self.numbers.number(weight), "given_state", self.step, state)

    def trains(self, grad: bool) -> bool:
        """Whether a loss is computed to learn from, for all that is known, and not to evaluate.

        It evaluates when no gradient can follow from it, or the network is in eval mode.
        """
        return grad and (self._last_root_trains or self._current is None or not (self._current.mode or (1,))[0])

    def loss_called(self, name: str, value: Any, prediction: Any, target: Any, summed: bool) -> None:
        """A loss was computed to evaluate."""
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            return
        owner = self._current.number if self._current else -1
        examples = target.numel() if summed and isinstance(target, torch.Tensor) else 1
        self.outbox.put(owner, "eval_loss", self.step, value.detach() / max(examples, 1))
        if isinstance(prediction, torch.Tensor) and isinstance(target, torch.Tensor):
            self._compare(owner, "eval_", self.step, name, prediction.detach(), target.detach())

    def _compare(
        self, owner: int, prefix: str, step: int, loss: str, prediction: torch.Tensor, target: torch.Tensor | None
    ) -> None:
        if not describable(prediction):
            return
        for quantity in quantities.of("prediction"):
            self.outbox.put(owner, prefix + quantity.name, step, quantity.measure(prediction))
        if target is None or not describable(target):
            return
        for quantity in quantities.of("target"):
            self.outbox.put(owner, prefix + quantity.name, step, quantity.measure(target))
        for quantity in quantities.of("comparison"):
            self.outbox.put(owner, prefix + quantity.name, step, quantity.measure(loss, prediction, target))

    # ---- backward -----------------------------------------------------------------------------------------------

    def before_backward(self, loss: Any, wanted: Sequence[Any], accumulates: bool, makes_graph: bool) -> Pass | None:
        """A backward pass begins. Returns what `after_backward` needs, or None for one that trains nothing."""
        if not isinstance(loss, torch.Tensor):
            return None
        wanted = [tensor for tensor in wanted if isinstance(tensor, torch.Tensor)]
        site = self._site()
        objective = self._by_site.get(site)
        graph = None
        if not accumulates and not self._is_training(site, loss, wanted, makes_graph):
            self._forget_forward()
            return None
        if objective is None or looked_at(objective.count) or objective.compared_at != self.optimizers.made:
            graph = Graph(loss.grad_fn) if loss.grad_fn is not None else None
            objective = self._identify(site, objective, graph, wanted)
        elif not objective.traced and objective.tries < MAX_TRIES and loss.grad_fn is not None:
            graph = Graph(loss.grad_fn)
        if objective is None:
            self._forget_forward()
            return None
        step, count = self.step, objective.count
        self.step += 1
        objective.count += 1
        self._current = objective
        now = Pass(objective, step, looked_at(count))
        now.wanted = wanted
        if graph is not None:
            self._describe(objective, graph, loss)
        self._note_loss(objective, step, loss, graph)
        self._note_mode(objective, step)
        self._measure_update(objective)
        fresh = [state for state in objective.held_by.values() if state.fresh]
        objective.collects = bool(objective.held_by) and not fresh
        if now.looked:
            self._measure_stale(objective, step, fresh)
            if objective.collects:
                self._measure_kept(objective, step)
            if graph is not None:
                self._measure_forward(now, graph)
        for state in fresh:
            state.fresh = False
        for name, vector in self._inputs:
            self.outbox.put(objective.number, name, step, vector)
        self._forget_forward()
        return now

    def after_backward(self, now: Pass, gradients: Any) -> None:
        """A backward pass has ended; `gradients` is what autograd.grad returned, or None after backward()."""
        for hook in now.hooks:
            hook.remove()
        objective = now.objective
        if now.looked:
            tensors = objective.tensors()
            found = _gradients(tensors, now.wanted, gradients)
            rows = objective.rows(found)
            for quantity in quantities.of("gradient"):
                self.outbox.put(objective.number, quantity.name, now.step, quantity.measure(rows))
            if now.layer_gradients:
                layer_rows = objective.rows(now.layer_gradients)
                for quantity in quantities.of("output_grad"):
                    self.outbox.put(objective.number, quantity.name, now.step, quantity.measure(layer_rows))
            weights = objective.rows(tensors)
            objective.before = (now.step, weights, rows)
            for quantity in quantities.of("weight"):
                self.outbox.put(objective.number, quantity.name, now.step, quantity.measure(weights))
        recent = self._objectives[-8:] if len(self._objectives) > 8 else self._objectives
        self._look_next = any(looked_at(each.count) for each in recent)
        if any(not each.traced and each.tries < MAX_TRIES for each in recent):
            self.tracer.start()
        self.writer.step_done()

    def _deliver(self, owner: int, quantity: str, step: int, values: Sequence[float]) -> None:
        if quantity == "loss":
            self.last_loss = values[0]
        self.writer.sample(owner, quantity, step, values)

    def _site(self) -> Site:
        frames = self.sources.user_frames(sys._getframe(2))
        return tuple((frame.f_code, frame.f_lasti) for frame, _ in zip(frames, range(6), strict=False))

    def _is_training(self, site: Site, loss: torch.Tensor, wanted: Sequence[torch.Tensor], makes_graph: bool) -> bool:
        """Whether autograd.grad runs for an update rather than for a derivative, a penalty or an attack."""
        if loss.numel() != 1:
            return False
        if any(isinstance(tensor, nn.Parameter) for tensor in wanted):
            return True
        if makes_graph or not wanted or not all(tensor.is_leaf for tensor in wanted):
            return False
        before = self._raw_seen.get(site, [])
        again = len(before) == len(wanted) and all(a() is b for a, b in zip(before, wanted, strict=True))
        self._raw_seen[site] = [weakref.ref(tensor) for tensor in wanted]
        return again

    def _forget_forward(self) -> None:
        self._roots.clear()
        self._inputs.clear()

    # ---- which objective ----------------------------------------------------------------------------------------

    def _identify(
        self, site: Site, known: Objective | None, graph: Graph | None, wanted: Sequence[torch.Tensor]
    ) -> Objective | None:
        learners, raw = learners_of(graph, self.optimizers, wanted) if graph is not None else ([], False)
        newest = self.optimizers.newest_over(learners)
        made_at = newest.made_at if newest else ()
        candidates = [known] if known is not None else []
        candidates += [each for each in self._objectives if each.site == site and each is not known]
        for objective in candidates:
            new_optimizer = newest is not None and made_at != objective.optimizer_made_at and objective.count > 0
            if objective.learns(learners, raw) and not (new_optimizer and objective.has_optimizer):
                if raw:
                    objective.reached = objective.watched = [weakref.ref(tensor) for tensor in learners]
                objective.compared_at = self.optimizers.made
                self._by_site[site] = objective
                return objective
        if len(self._objectives) >= MAX_OBJECTIVES:
            return known or self._current
        objective = Objective(len(self._objectives), site, made_at)
        objective.raw = raw
        objective.compared_at = self.optimizers.made
        objective.has_optimizer = newest is not None
        objective.reached = [weakref.ref(tensor) for tensor in learners]
        self._objectives.append(objective)
        self._by_site[site] = objective
        return objective

    def _describe(self, objective: Objective, graph: Graph, loss: torch.Tensor) -> None:
        """Write what an objective consists of: the first time, and again once its lines have been traced."""
        first = objective.network is None
        if not first and (objective.traced or objective.tries >= MAX_TRIES or not self.tracer.on):
            return
        roots = [module for reference, _ in self._roots.values() if (module := reference()) is not None]
        tops = self.modules.tops(roots)
        names = self.modules.describe(tops)
        reached = [tensor for reference in objective.reached if (tensor := reference()) is not None]
        if first:
            owned = [tensor for tensor, _, _ in names.parameters.values()]
            watched = list({id(tensor): tensor for tensor in [*owned, *reached]}.values())[:MAX_WATCHED]
            objective.watched = [weakref.ref(tensor) for tensor in watched]
            self._write_modules(names)
            self._write_parameters(names, watched)
        ids = {
            id(tensor): self.numbers.number(tensor) for tensor in (*objective.tensors(), *reached) if tensor is not None
        }
        network = Network(graph, ids, names, self.modules)
        objective.network = network
        objective.traced = self.tracer.on
        objective.tries += 1
        stack = self.sources.stack()
        self.writer.record(
            "objective",
            objective.number,
            records.Objective(
                id=objective.number,
                first_step=self.step - 1,
                backward_at=stack[0] if stack else None,
                stack=stack,
                parameters=tuple(self.numbers.number(t) for t in objective.tensors() if t is not None),
                reached=tuple(ids[id(tensor)] for tensor in reached),
                frozen=tuple(
                    self.numbers.number(t) for t in objective.tensors() if t is not None and not t.requires_grad
                ),
                nodes=tuple(network.nodes),
                losses=network.losses,
                measured=tuple(network.measured),
                layers=tuple(network.layers),
                opaque=graph.opaque(),
                roots=tuple(self.modules.number(root) for root in roots),
                by_hand=objective.raw,
                truncated=network.truncated,
            ),
        )

    def _write_modules(self, names: Description) -> None:
        for module, name, parent in names.modules.values():
            number = self.modules.number(module)
            owned = tuple(self.numbers.number(p) for p in module._parameters.values() if p is not None)
            above = None if parent is None else self.modules.number(parent)
            self.writer.record("module", number, self.modules.record(module, name, above, owned))

    def _write_parameters(self, names: Description, watched: Sequence[torch.Tensor]) -> None:
        outside = {} if all(id(tensor) in names.parameters for tensor in watched) else _names_in_frames(self.sources)
        for tensor in watched:
            _, name, module = names.parameters.get(id(tensor), (None, outside.get(id(tensor), ""), None))
            if module is None and (owner := self.modules.owner(tensor)) is not None:
                module, name = owner[0], f"{type(owner[0]).__name__}.{owner[1]}"
            number = self.numbers.number(tensor)
            if ("parameter", number) in self._written:
                continue
            self._written.add(("parameter", number))
            self.writer.record(
                "parameter",
                number,
                records.Parameter(
                    id=number,
                    name=name or f"weight {number}",
                    shape=tuple(tensor.shape),
                    trainable=tensor.requires_grad,
                    dtype=str(tensor.dtype).removeprefix("torch."),
                    is_parameter=isinstance(tensor, nn.Parameter),
                    module=None if module is None else self.modules.number(module),
                    kind="" if module is None else type(module).__name__,
                    loaded=self.numbers.loaded(tensor),
                ),
            )
            self.outbox.put(number, "initial_weight", self.step, _first_values(tensor.detach()))

    # ---- what is measured ---------------------------------------------------------------------------------------

    def _note_loss(self, objective: Objective, step: int, loss: torch.Tensor, graph: Graph | None) -> None:
        stepped = float(objective.stepped)
        objective.stepped = False
        single = loss.numel() == 1 and loss.is_floating_point() and not loss.is_sparse
        first = loss.detach() if single else plain(loss.detach()).reshape(-1)[:1]
        if loss.device.type != "cpu":
            flag = torch.full((1,), stepped, device=loss.device)
            self.outbox.put(objective.number, "loss", step, torch.cat([first.reshape(1).float(), flag]))
            return
        value = first.item()  # at every step, so without the outbox: its operations cost ten times as much
        self._deliver(objective.number, "loss", step, [value, stepped])
        if not self._nan_seen and not math.isfinite(value):
            self._nan_seen = True
            self._note_nan(objective, step, loss, graph)

    def _note_nan(self, objective: Objective, step: int, loss: torch.Tensor, graph: Graph | None) -> None:
        """The first loss that is no number: was it the data, or the weights?"""
        details: dict[str, float] = {}
        entered = self._entered() if self._entered is not None else None
        if entered is not None:
            details["input"] = float(1 - entered.isfinite().float().mean())
        root = (graph or Graph(loss.grad_fn)) if loss.grad_fn is not None else None
        if objective.network is not None and root is not None and objective.network.fits(root):
            for each in objective.network.losses:
                node = objective.network.at(root, each.node) if each.node >= 0 else None
                target = None if node is None else saved(node, "_saved_target")
                if target is not None:
                    details["target"] = float(1 - target.isfinite().float().mean())
        broken = [tensor for tensor in objective.tensors() if tensor is not None and not bool(tensor.isfinite().all())]
        details["weights"] = len(broken) / max(len(objective.watched), 1)
        self.writer.event(step, "nan", objective=objective.number, value=str(float(loss.detach().sum())), **details)
        self.writer.step_done(urgent=True)

    def _note_mode(self, objective: Objective, step: int) -> None:
        states = [state for _, state in self._roots.values()]
        if not states:
            return
        now = (min(state[0] for state in states), *(sum(column) for column in list(zip(*states, strict=True))[1:]))
        if now != objective.mode:
            objective.mode = now
            names = ("training", "dropouts", "dropouts_off", "norms", "norms_off")
            self.writer.event(step, "mode", objective=objective.number, **dict(zip(names, now, strict=True)))

    def _measure_update(self, objective: Objective) -> None:
        if objective.before is None:
            return
        step, before, gradients = objective.before
        objective.before = None
        now = objective.rows(objective.tensors())
        updates = Updates(now.values - before.values, before.values, gradients.values)
        for quantity in quantities.of("update"):
            self.outbox.put(objective.number, quantity.name, step, quantity.measure(updates))

    def _measure_stale(self, objective: Objective, step: int, fresh: Sequence[OptimizerState]) -> None:
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
                self.outbox.put(objective.number, quantity.name, step, quantity.measure(rows))

    def _measure_kept(self, objective: Objective, step: int) -> None:
        """What backward is added to where no step has used it yet: 0 where it was reset all the same."""
        kept = [tensor.grad if tensor is not None and tensor.is_leaf else None for tensor in objective.tensors()]
        device = next((tensor.device for tensor in objective.tensors() if tensor is not None), None)
        total = (
            objective.rows(kept).norms().sum() if any(g is not None for g in kept) else torch.zeros((), device=device)
        )
        self.outbox.put(objective.number, "kept_grad_norm", step, total)

    def _measure_applied(self, objective: Objective) -> None:
        """How a step's gradients stand to those of the last backward pass: their cosine, and the ratio of lengths."""
        if objective.before is None:
            return
        step, _, last = objective.before
        now = objective.rows(_gradients(objective.tensors(), (), None))
        lengths = torch.stack([torch.linalg.vector_norm(last.values), torch.linalg.vector_norm(now.values)])
        cosine = (last.values * now.values).sum() / lengths.prod()
        self.outbox.put(objective.number, "applied_grad", step, torch.stack([cosine, lengths[1] / lengths[0]]))

    def _measure_forward(self, now: Pass, graph: Graph) -> None:
        network, objective = now.objective.network, now.objective
        if network is None or not network.fits(graph):
            return
        if (read := activations.read(graph, network)) is not None:
            for quantity in quantities.of("activation"):
                self.outbox.put(objective.number, quantity.name, now.step, quantity.measure(read))
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
                self._compare(objective.number, "", now.step, loss.name, prediction, target)

    # ---- optimizers ---------------------------------------------------------------------------------------------

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer has been constructed."""
        self.optimizers.note_made(optimizer, self.step)

    def optimizer_stepped(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer has taken a step."""
        state = self.optimizers.note_stepped(optimizer, self.step)
        state.fresh = True
        for objective in self._objectives[-16:]:
            if state.number in objective.held_by or any(id(ref()) in state.held for ref in objective.reached):
                objective.held_by[state.number] = state
                objective.has_optimizer = objective.stepped = True
        last = self._current
        if last is not None and last.collects and state.number in last.held_by:
            self._measure_applied(last)
        if last is not None and state.number not in last.followed_by:
            last.followed_by.add(state.number)
            self.writer.event(last.count and self.step - 1, "follows", objective=last.number, optimizer=state.number)

    def gradients_clipped(self, most: float, norm: Any) -> None:
        """The norm of gradients was clipped to `most`; `norm` is what it was before."""
        objective = self._current
        if objective is None or not isinstance(norm, torch.Tensor):
            return
        if not objective.clipped:
            objective.clipped = True
            self.writer.event(self.step - 1, "clip", objective=objective.number, where=self.sources.stack())
        if looked_at(objective.count - 1):
            limit = torch.full((1,), most, device=norm.device)
            self.outbox.put(
                objective.number, "clip", self.step - 1, torch.cat([norm.detach().reshape(1).float(), limit])
            )

    def state_loaded(self, module: nn.Module) -> None:
        """A module has been given weights from a state dict."""
        self.numbers.note_loaded(module.parameters())

    def close(self) -> None:
        """Deliver what is on its way and say how much was seen."""
        self.tracer.stop()
        self.outbox.close()
        self.writer.fact("evaluations", self.evaluations)


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


def _first_tensor(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value
        if isinstance(value, (tuple, list)) and value and isinstance(value[0], torch.Tensor):
            return value[0]
    return None


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

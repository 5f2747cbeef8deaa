"""Recorder: turns what the taps see into the run file.

It runs on the training's own thread, inside the user's calls, so it draws no random number, changes no tensor, keeps
none alive, and reads no value back from an accelerator. What it cannot do it leaves out.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections import Counter
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from headtorch.record.asked import Asked
from headtorch.record.broken import broken_parts
from headtorch.record.calm import Calm, Place
from headtorch.record.clipping import Clipping
from headtorch.record.describe import Describer
from headtorch.record.evaluations import Evaluations
from headtorch.record.given import Given
from headtorch.record.graph import Graph, root_of
from headtorch.record.loading import Loading
from headtorch.record.measure import Measurements, Pass
from headtorch.record.modules import Modules, first_tensor, mode, trains
from headtorch.record.objectives import MAX_OBJECTIVES, Objective, Objectives, Site, TensorNumbers
from headtorch.record.optimizers import AnyOptimizer, Optimizers
from headtorch.record.outbox import Outbox
from headtorch.record.pairs import Pairs
from headtorch.record.precision import Precision
from headtorch.record.recurrent import Recurrent
from headtorch.record.resuming import Before
from headtorch.record.rows import plain
from headtorch.record.schedule import Schedule
from headtorch.record.sharded import is_sharded
from headtorch.record.source import Sources
from headtorch.record.tracing import Tracer
from headtorch.record.writer import Writer

MAX_TRIES = 8  # of tracing an objective's lines
MAX_LOADS = 64  # of state dicts into one module that are looked at: a copy that follows at each step has no end of them
ALONE = 16  # passes of one objective in a row: others have ended, or take turns too long to matter
RECENT = 8  # objectives: of hundreds, as in a search, only the last ones still run


class Recorder:
    """Records one process's trainings into one run file."""

    def __init__(self, writer: Writer, before: Before, schedule: Schedule) -> None:
        self.writer = writer
        self._schedule, self._looked_at = schedule, schedule.looked_at
        self._before = before
        self.sources = Sources(writer.source)
        self.tracer = Tracer(self.sources)
        self.modules = Modules(self.sources, before.number)
        self.recurrent = Recurrent(schedule)
        self.numbers = TensorNumbers(before.number)
        self.optimizers = Optimizers(self.sources, self.numbers, writer, before.number, schedule)
        self.outbox = Outbox(self._deliver)
        self._objectives = Objectives(self.optimizers, before.number)
        self._describer = Describer(writer, self.sources, self.modules, self.numbers, self.outbox)
        self._measurements = Measurements(self.outbox)
        self._evaluations = Evaluations(writer, self.sources, self.modules, self.outbox)
        self.calm = Calm(writer)
        self.engine: CodeType | None = None  # of the function that every backward pass goes through
        self._precision = Precision(writer, self.outbox, self.sources, schedule)
        self.step = before.step  # backward passes so far
        self.last_loss: float | None = None
        self.other_threads: set[int] = set()  # that trained at the same time, and were left alone
        self._current: Objective | None = None
        self._alone = 0  # passes of it in a row
        self._roots: dict[int, tuple[weakref.ref[nn.Module], tuple[int, ...]]] = {}
        self._modes: dict[int, tuple[int, ...]] = {}
        self._given = Given(self._measurements)
        self._pairs = Pairs(writer, self.sources, self.outbox)
        self._clipping = Clipping(writer, self.sources, self.outbox, schedule)
        self._loading = Loading(writer, self.sources, self.modules, self.numbers)
        self._asked = Asked()
        self._loads: Counter[int] = Counter()  # of state dicts, by the number of the module
        self._nan_seen = False
        self._trained: weakref.ref[nn.Module] | None = None
        self._entry = 0  # id of the module that the training data enters
        self._look_next = True
        self._last_root_trains = True
        self._unlearnt = 0  # calls of networks with a gradient, before the first backward pass

    # ---- forward ------------------------------------------------------------------------------------------------

    def root_called(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], grad: bool) -> None:
        """A module with parameters was called from outside any other; `grad` says whether autograd follows."""
        self.calm.left = 0
        key = id(module)
        training = self._last_root_trains = trains(module, kwargs)
        self.modules.called(module)
        self._evaluations.release()
        state = self._modes.get(key)
        if not grad:
            if self._evaluations.counted(key, training, self._looked_at):
                trained = self._trained() if self._trained is not None else None
                tensor = first_tensor(args, kwargs)
                called = self._evaluations.called
                called(self.step, self._owner(), module, training, tensor, trained, key == self._entry)
            return
        if state is None and len(self._modes) < MAX_OBJECTIVES:
            self._trace()  # a new network: a new objective may have no more than one pass
        if state is None or state[0] != training or self._look_next:
            state = self._modes[key] = (int(training), *mode(module, training))
        self._unlearnt += self._current is None
        first = not self._roots
        self._roots[key] = (weakref.ref(module), state)
        if first:
            self._entry = key
            self._trained = self._roots[key][0]
            self._given.to_first(args, kwargs, self._look_next)
        elif self._look_next and key != self._entry and len(self._roots) == 2:
            self._given.to_second(args, kwargs)

    def settle(self) -> None:
        """Take over what has passed in the calm."""
        calm = self.calm
        objective = calm.objective
        if objective is None or not (calm.passes or calm.steps_taken):
            return
        self.step += calm.passes
        objective.count += calm.passes
        self._alone += calm.passes
        objective.stepped, objective.collects = calm.stepped, calm.collects
        if calm.passes:
            self.last_loss = calm.last_loss
            self._given.first = calm.entered
            self._evaluations.forget()
        if calm.optimizer is not None:
            calm.optimizer.steps += calm.steps_taken
            calm.optimizer.fresh = calm.stepped
        calm.passes = calm.steps_taken = 0
        if not calm.left:
            self._passed()

    def _expect(self, objective: Objective, loss: torch.Tensor) -> None:
        """Begin a calm after a pass that is not looked at, if nothing else is to be noted before the next that is."""
        states = list(objective.held_by.values())
        if (
            (len(self._objectives.all) > 1 and self._alone < ALONE)
            or self._untraced()
            or objective.compared_at != self.optimizers.made
            or not (loss.is_cpu and type(loss) is torch.Tensor and loss.numel() == 1 and loss.is_floating_point())
            or len(states) > 1
            or not all(self.optimizers.is_calm(state) and state.number in objective.followed_by for state in states)
        ):
            return
        if (place := self._backward_place()) is not None:
            roots = {key: bool(state[0]) for key, (_, state) in self._roots.items()}
            left = self._schedule.until_looked_at(objective.count)
            self.calm.begin(objective, roots, states[0] if states else None, place, self.step, left)

    def _backward_place(self) -> Place | None:
        """Where the backward pass stands that is being recorded."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self.engine:
            frame = frame.f_back
        depth = 0
        while frame is not None and not self.sources.is_user(frame.f_code):
            frame, depth = frame.f_back, depth + 1
        return None if frame is None else Place(frame, depth)

    def _trace(self) -> None:
        """Note every operation from now on, unless other threads train too: anomaly mode is on for all of them."""
        if not self.other_threads:
            self.tracer.start()

    def recurrent_called(self, args: tuple[Any, ...], result: Any, grad: bool) -> None:
        """A recurrent layer has run."""
        if (begun := self.recurrent.called(self.step, args, result, grad)) is not None:
            weight, quantity, state = begun
            self.outbox.put(self.numbers.number(weight), quantity, self.step, state)

    def trains(self, grad: bool) -> bool:
        """Whether a loss is computed to learn from, for all that is known, and not to evaluate.

        It evaluates when no gradient can follow from it, or the network is in eval mode.
        """
        return grad and (self._last_root_trains or self._current is None or not (self._current.mode or (1,))[0])

    def loss_called(self, name: str, value: Any, prediction: Any, target: Any, summed: bool) -> None:
        """A loss was computed to evaluate."""
        self.calm.left = 0
        self._evaluations.loss_called(self.step, self._owner(), name, value, prediction, target, summed)

    def pairs_compared(self, name: str, compared: Sequence[Any], target: Any) -> None:
        """A loss that compares pairs was computed."""
        if self._look_next:
            self._pairs.compared(name, compared, target)

    def _owner(self) -> int:
        """The number of the objective that ran last, -1 before the first."""
        return self._current.number if self._current else -1

    # ---- backward -----------------------------------------------------------------------------------------------

    def before_backward(self, loss: Any, wanted: Sequence[Any], accumulates: bool, makes_graph: bool) -> Pass | None:
        """A backward pass begins. Returns what `after_backward` needs, or None when nothing is left to do then."""
        self.calm.left = 0
        if not isinstance(loss, torch.Tensor):
            return None
        wanted = [tensor for tensor in wanted if isinstance(tensor, torch.Tensor)]
        site = self._site()
        objective = self._objectives.at(site)
        graph = None
        if not accumulates and not self._asked.to_train(site, loss, wanted, makes_graph):
            self._forget_forward()
            return None
        called = tuple(self._roots)
        if (
            objective is None
            or self._looked_at(objective.count)
            or objective.compared_at != self.optimizers.made
            or not objective.is_called_by(called)
        ):
            root = root_of(loss)
            graph = Graph(root) if root is not None else None
            objective = self._objectives.identify(site, objective, graph, wanted, self._current)
        elif not objective.traced and objective.tries < MAX_TRIES and loss.grad_fn is not None:
            graph = Graph(loss.grad_fn)
        if objective is None:
            self._forget_forward()
            return None
        objective.called.add(called)
        step, count = self.step, objective.count
        self.step += 1
        objective.count += 1
        self._alone = self._alone + 1 if objective is self._current else 0
        self._current = objective
        self._evaluations.forget()
        now = Pass(objective, step, self._looked_at(count) and not objective.gone)
        now.wanted = wanted
        if graph is not None and self._to_describe(objective):
            modules = [module for reference, _ in self._roots.values() if (module := reference()) is not None]
            self._describer.describe(objective, graph, modules, step, self.tracer.on, self._given.lies)
        self._note_loss(objective, step, loss, graph)
        self._note_mode(objective, step)
        self._measurements.weights(now)
        fresh = objective.begin_pass()
        if now.looked and accumulates:  # autograd.grad leaves alone what is there
            self._measurements.stale(objective, step, fresh)
            if objective.collects:
                self._measurements.kept(objective, step)
        if now.looked and graph is not None:
            self._measurements.forward(now, graph, self._given.entered)
        for name, vector in self._given.measured:
            self.outbox.put(objective.number, name, step, vector)
        self._pairs.learnt_from(objective, step)
        if not (now.looked or wanted) and accumulates:
            self._expect(objective, loss)
        self._forget_forward()
        if not now.looked and not self._untraced():
            self._passed()
            return None  # spares the training the way back to us after backward
        return now

    def _to_describe(self, objective: Objective) -> bool:
        """Whether it has not been described yet, or its lines are known only now."""
        return objective.network is None or (not objective.traced and objective.tries < MAX_TRIES and self.tracer.on)

    def after_backward(self, now: Pass, gradients: Any) -> None:
        """A backward pass has ended; `gradients` is what autograd.grad returned, or None after backward()."""
        for hook in now.hooks:
            hook.remove()
        if now.looked:
            self._measurements.backward(now, gradients)
        self._passed()
        if self._untraced():
            self._trace()

    def _passed(self) -> None:
        self._look_next = any(self._looked_at(each.count) for each in self._objectives.all[-RECENT:])
        self.writer.step_done()

    def _untraced(self) -> bool:
        """Whether the lines of an objective that may still run are to be found."""
        return any(not each.traced and each.tries < MAX_TRIES for each in self._objectives.all[-RECENT:])

    def _deliver(self, owner: int, quantity: str, step: int, values: Sequence[float]) -> None:
        if quantity == "loss":
            self.last_loss = values[0]
        self.writer.sample(owner, quantity, step, values)

    def _site(self) -> Site:
        frames = self.sources.user_frames(sys._getframe(2))
        return tuple((id(frame.f_code), frame.f_lasti) for frame, _ in zip(frames, range(6), strict=False))

    def _forget_forward(self) -> None:
        self._roots.clear()
        self._given.forget()
        self._pairs.forget()

    # ---- what is noted at every step -----------------------------------------------------------------------------

    def _note_loss(self, objective: Objective, step: int, loss: torch.Tensor, graph: Graph | None) -> None:
        stepped = float(objective.stepped)
        objective.stepped = False
        single = loss.numel() == 1 and loss.is_floating_point() and not (loss.is_sparse or is_sharded(loss))
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
        """The first loss that is no number."""
        first = self._given.first() if self._given.first is not None else None
        root = (graph or Graph(loss.grad_fn)) if loss.grad_fn is not None else None
        details = broken_parts(objective, root, first)
        self.writer.event(step, "nan", objective=objective.number, value=str(float(loss.detach().sum())), **details)
        self.writer.step_done(urgent=True)

    def _note_mode(self, objective: Objective, step: int) -> None:
        states = [state for _, state in self._roots.values()]
        if not states:
            return
        self._precision.note_cast(objective, step, self._given.cast)
        now = states[0]
        if len(states) > 1:
            now = (min(state[0] for state in states), *(sum(column) for column in list(zip(*states, strict=True))[1:]))
        if now != objective.mode:
            objective.mode = now
            names = ("training", "dropouts", "dropouts_off", "norms", "norms_off")
            self.writer.event(step, "mode", objective=objective.number, **dict(zip(names, now, strict=True)))

    # ---- optimizers ---------------------------------------------------------------------------------------------

    def optimizer_made(self, optimizer: AnyOptimizer) -> None:
        """An optimizer has been constructed."""
        self.calm.left = 0
        self.optimizers.note_made(optimizer, self.step)
        if self.optimizers.made <= MAX_OBJECTIVES:
            self._trace()  # it may begin a new objective

    def optimizer_stepped(self, optimizer: AnyOptimizer) -> None:
        """An optimizer has taken a step."""
        self.calm.left = 0
        state = self.optimizers.note_stepped(optimizer, self.step)
        state.fresh = True
        last = self._current
        for objective in self._objectives.stepped_for(state, last):
            objective.followed_by.add(state.number)
            step = objective.count and self.step - 1
            self.writer.event(step, "follows", objective=objective.number, optimizer=state.number)
        if last is not None:
            last.is_used_by(state)
            if last.collects and state.number in last.held_by:
                self._measurements.applied(last)

    def scheduler_made(self, scheduler: Any) -> None:
        """A scheduler of the learning rate is being made."""
        self.calm.left = 0
        self.optimizers.note_scheduler(scheduler)

    def loss_scaled(self, scaler: Any) -> None:
        """A GradScaler has updated its scale."""
        if self._current is not None:
            self._precision.note_scaled(self._current, max(self.step - 1, 0), scaler)

    def gradients_clipped(self, most: float, norm: Any) -> None:
        """The norm of gradients was clipped to `most`; `norm` is what it was before."""
        if self._current is not None and isinstance(norm, torch.Tensor):
            self._clipping.of_norm(self._current, self.step - 1, most, norm)

    def values_to_clip(self, most: float) -> None:
        """Each element of the gradients is about to be clipped to `most`."""
        if self._current is not None:
            self._clipping.of_values(self._current, self.step - 1, float(most))

    def state_loaded(self, module: nn.Module, state: Any, result: Any) -> None:
        """A module has been given the weights in a state dict, which may leave some out."""
        self._loading.loaded(self.step, module, state, result)
        number = self.modules.number(module)
        self._loads[number] += 1
        if self._loads[number] > MAX_LOADS:
            return
        brought = {id(parameter) for parameter in module.parameters()}
        for objective in self._objectives.all[-RECENT:]:
            if brought & objective.columns().keys():
                self._measurements.loaded(objective, self.step)

    def close(self) -> None:
        """Deliver what is on its way and say how much was seen."""
        self.tracer.stop()
        self._evaluations.release()
        self.outbox.close()
        self.writer.fact("evaluations", self._before.evaluations + self._evaluations.count)
        if self._current is None and self._unlearnt:
            self.writer.fact("unlearnt", self._unlearnt)
            self.writer.fact("unlearnt_broken", self._given.broken())
        self.writer.fact("other_threads", len(self.other_threads))

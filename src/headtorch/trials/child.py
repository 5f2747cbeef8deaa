"""One run of a script in the process of a trial: `python -m headtorch.trials.child ORDER`.

It is recorded as by `headtorch run`, and besides: seeds are moved, comparisons are watched, the run can be cut short,
and opening a file outside of the scratch folder for writing fails.
"""

from __future__ import annotations

import functools
import importlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NoReturn

import msgspec

from headtorch import launch, record
from headtorch.record import after_import
from headtorch.trials import interventions
from headtorch.trials.hopeless import Course
from headtorch.trials.orders import Answer, Order, Pace

MOST_TIMES = 1000  # backward passes
NAN_PATIENCE = 20  # backward passes in a row
GRADIENT_LOOKS = 5  # backward passes from one look at the gradients to the next
METRICS = (  # of scikit-learn
    "accuracy_score", "balanced_accuracy_score", "precision_score", "recall_score", "f1_score", "fbeta_score",
    "classification_report", "confusion_matrix", "matthews_corrcoef", "cohen_kappa_score",
    "r2_score", "mean_squared_error", "root_mean_squared_error", "mean_absolute_error",
)  # fmt: skip
STRIDE = 1_000_003  # between the seeds of two runs: scripts use 0, 1, 2 themselves


class Stop(BaseException):
    """Ends a run that has been cut short; no `except Exception` of the script catches it."""


def main() -> NoReturn:
    """Run the ordered script and leave an answer."""
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Order)
    run(order)
    sys.stdout.flush()
    os._exit(0)  # What a script leaves running at its end is none of a trial's business.


def run(order: Order) -> None:
    """Run the ordered script in this process and write the answer."""
    tempfile.tempdir = os.environ["TMPDIR"] = str(Path(order.scratch) / "tmp")
    Path(tempfile.tempdir).mkdir(exist_ok=True)
    recording = None
    if order.recorded:
        recording = record.begin(
            script=order.script, argv=order.arguments, as_module=order.as_module, folder=Path(order.runs)
        )
    watch = _Watch(order)
    _move_seeds(order.seed)
    after_import("torch", watch.install)
    sys.addaudithook(_guard(order))
    ending = launch.execute([order.script, *order.arguments], as_module=order.as_module, at_sigterm=lambda ending: None)
    kind = "finished" if watch.stopped else ending.kind
    run_file = "" if recording is None else recording.end(kind, "" if watch.stopped else ending.detail)
    answer = Answer(
        ending=kind,
        detail="" if watch.stopped else ending.detail,
        status=0 if watch.stopped else ending.status,
        run_file=str(run_file),
        steps=watch.steps,
        measures=watch.comparisons.measures() if watch.comparisons else (),
        stopped=watch.stopped,
        pace=watch.pace(),
        losses=watch.losses(),
        intervened=watch.intervened(),
    )
    Path(order.answer).write_bytes(msgspec.json.encode(answer))


class _Watch:
    """Counts backward passes, and cuts the run short."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._started = time.monotonic()
        self._broken = 0
        self._course = None if order.limit.hopeless is None else Course(order.limit.hopeless)
        self.steps = 0
        self.stopped = ""
        self.comparisons: Any = None
        self.intervened: Callable[[], bool] = lambda: False
        self._times: list[float] = []  # of backward passes
        self._batches: int | None = None  # of the last data loader that was begun
        self._trained_batches: int | None = None
        # At once: a script may import its metrics before torch.
        after_import("sklearn.metrics", self._watch_metrics)

    def _watch_metrics(self) -> None:
        metrics = importlib.import_module("sklearn.metrics")
        for name in METRICS:
            original: Callable[..., Any] | None = getattr(metrics, name, None)
            if original is not None:
                setattr(metrics, name, self._judged(original))

    def _judged(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def judged(*args: Any, **kwargs: Any) -> Any:
            if self.comparisons is not None:
                self.comparisons.judged(*args, **kwargs)
            return original(*args, **kwargs)

        return judged

    def install(self) -> None:
        import torch
        from torch.autograd import graph

        from headtorch.trials.comparisons import Comparisons

        torch.manual_seed(self._order.seed)  # a script that sets no seed is paired by this one
        self.comparisons = Comparisons()
        self.comparisons.install()
        after_import("torch.utils.data.dataloader", self._watch_loaders)
        if self._order.intervention:
            self.intervened = interventions.install(self._order.intervention)
        _move(torch, "manual_seed", self._order.seed)
        if self._course is not None:
            after_import("torch.optim.optimizer", self._watch_gradients)
        original = graph._engine_run_backward

        def engine_run_backward(outputs: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(outputs, *args, **kwargs)
            self._stepped(outputs[0] if outputs else None)
            return result

        for module in (torch.autograd, graph):
            module._engine_run_backward = engine_run_backward  # type: ignore[attr-defined]

    def _watch_loaders(self) -> None:
        loader = importlib.import_module("torch.utils.data.dataloader").DataLoader
        original = loader.__iter__

        @functools.wraps(original)
        def begun(loader: Any) -> Any:
            try:
                self._batches = len(loader)
            except (TypeError, NotImplementedError):  # of a stream nobody knows
                self._batches = None
            return original(loader)

        loader.__iter__ = begun

    def _watch_gradients(self) -> None:
        optimizers = importlib.import_module("torch.optim.optimizer")

        def before(optimizer: Any, args: Any, kwargs: Any) -> None:
            if self._course is None or self.steps % GRADIENT_LOOKS:
                return
            held = [weight for group in optimizer.param_groups for weight in group["params"] if weight.dim() > 1]
            if held:
                largest = max(0.0 if w.grad is None or not w.grad.numel() else float(w.grad.abs().max()) for w in held)
                self._course.looked_at_gradient(largest)

        optimizers.register_optimizer_step_pre_hook(before)

    def pace(self) -> Pace | None:
        """How fast the run went."""
        gaps = [later - earlier for earlier, later in pairwise(self._times)]
        return Pace(median(gaps), self._trained_batches) if gaps else None

    def losses(self) -> tuple[tuple[int, float], ...]:
        """The loss at a few steps, where the run was watched for being hopeless."""
        return () if self._course is None else self._course.curve()

    def _stepped(self, loss: Any) -> None:
        self.steps += 1
        if len(self._times) < MOST_TIMES:
            self._times.append(time.monotonic())
        if self.steps == 1:
            self._trained_batches = self._batches
        self.comparisons.step = self.steps
        limit = self._order.limit
        if limit.steps is not None and self.steps >= limit.steps:
            self._stop("steps")
        if limit.seconds is not None and time.monotonic() - self._started > limit.seconds:
            self._stop("time")
        if loss is None or loss.numel() != 1:
            return
        if limit.hopeless_at_nan:
            self._broken = 0 if bool(loss.detach().isfinite()) else self._broken + 1
            if self._broken >= NAN_PATIENCE:
                self._stop("nan")
        if self._course is not None and (why := self._course.hopeless_by(float(loss))):
            self._stop(why)

    def _stop(self, why: str) -> NoReturn:
        self.stopped = why
        raise Stop


def _move_seeds(seed: int) -> None:
    """Add to every seed that the script will set, so that each seed of a trial is another training."""
    random.seed(seed * STRIDE)
    if seed:
        _move(random, "seed", seed)

    def numpy() -> None:
        module = importlib.import_module("numpy.random")
        module.seed(seed)
        if seed:
            for name in ("seed", "default_rng"):
                _move(module, name, seed)

    after_import("numpy.random", numpy)


def _move(module: Any, name: str, seed: int) -> None:
    original: Callable[..., Any] = getattr(module, name)

    def moved(*args: Any, **kwargs: Any) -> Any:
        def other(value: Any) -> Any:
            return (value + seed * STRIDE) % 2**32 if isinstance(value, int) and not isinstance(value, bool) else value

        return original(*map(other, args), **{key: other(value) for key, value in kwargs.items()})

    if seed:
        setattr(module, name, moved)


def _guard(order: Order) -> Callable[[str, tuple[Any, ...]], None]:
    """Refuse to open files outside of the scratch folder for writing, to remove and to rename them."""
    allowed = [os.path.realpath(path) + os.sep for path in (order.scratch, order.runs)]
    allowed += ["/dev/", "/proc/self/"]
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    home_caches = tuple(str(Path.home() / name) + os.sep for name in (".cache", ".config", ".matplotlib"))

    def check(path: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        real = os.path.realpath(os.fsdecode(path))
        if not any(f"{real}{os.sep}".startswith(folder) for folder in (*allowed, *home_caches)):
            raise PermissionError(13, "headtorch's trials write nothing outside of their scratch copy", real)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (
                mode is None and isinstance(flags, int) and flags & writing
            ):
                check(path)
        elif event in ("os.remove", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree"):
            check(args[0])
        elif event in ("os.rename", "os.link", "os.symlink", "shutil.move"):
            check(args[1])

    return hook


if __name__ == "__main__":
    main()

"""Recording: the only code that runs beside the user's training. Importing this does not import torch."""

from __future__ import annotations

import contextlib
import datetime
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from headtorch import __version__
from headtorch.model import UserError
from headtorch.record.ranks import this_rank
from headtorch.record.resuming import Before, file_of_rank, resume
from headtorch.record.schedule import LEVELS, Schedule
from headtorch.record.writer import Writer

if TYPE_CHECKING:
    from headtorch.record.taps import Taps


class Recording:
    """One run that is being recorded. It begins to watch as soon as the script has imported torch."""

    def __init__(self, writer: Writer, before: Before, schedule: Schedule) -> None:
        self._writer = writer
        self._schedule = schedule
        self._before = before
        self._taps: Taps | None = None
        self._process = os.getpid()
        self._began, self._ticks = time.time(), time.monotonic()
        self._trouble: str | None = None
        _recordings.append(self)
        after_import("torch", self._install)

    @property
    def path(self) -> Path:
        """The run file."""
        return self._writer.path

    def _install(self) -> None:
        try:
            import torch

            from headtorch.record.recorder import Recorder
            from headtorch.record.taps import Taps

            self._taps = Taps(Recorder(self._writer, self._before, self._schedule))
            self._taps.install()
            self._writer.fact("torch", str(torch.__version__))
        except Exception as error:
            self._trouble = f"could not watch this PyTorch: {type(error).__name__}: {error}"

    @property
    def steps(self) -> int:
        """Backward passes so far."""
        return self._taps.recorder.step if self._taps else 0

    @property
    def loss(self) -> float | None:
        """The last loss that has come to the CPU."""
        return self._taps.recorder.last_loss if self._taps else None

    def end(self, ending: str, detail: str = "") -> Path:
        """Bring everything to disk and say how the script ended. Never raises; does nothing in a forked child."""
        if self.is_of_this_process:
            try:
                self._finish(ending, detail)
            except Exception as error:
                self._trouble = f"the end was not recorded: {type(error).__name__}: {error}"
            self._writer.close()
        return self.path

    def detach(self) -> None:
        """Take out of PyTorch and of the import system what watched the training. Call `end` before."""
        if self._taps is not None:
            self._taps.remove()
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _AfterImport)]
        _recordings.remove(self)

    @property
    def is_of_this_process(self) -> bool:
        """Whether it began here and not before a fork."""
        return os.getpid() == self._process

    def _finish(self, ending: str, detail: str) -> None:
        # The clock may have been set meanwhile.
        self._writer.fact("ended", self._began + time.monotonic() - self._ticks)
        self._writer.fact("ending", ending)
        self._writer.fact("detail", detail)
        if self._taps is not None:
            self._taps.close()
            if self._taps.errors:
                last = self._taps.errors[0].strip().splitlines()[-1]
                count = len(self._taps.errors)
                errors = "1 error of headtorch itself was" if count == 1 else f"{count} errors of headtorch itself were"
                self._trouble = f"{errors} contained; the first: {last}"
                self._writer.fact("errors", self._taps.errors)
        if self._trouble:
            self._writer.fact("trouble", self._trouble)

    @property
    def trouble(self) -> str | None:
        """A sentence about what went wrong in recording, if anything did."""
        return self._trouble or self._writer.trouble


_recordings: list[Recording] = []  # that have begun and were not detached


def begin(
    script: str,
    argv: Sequence[str],
    *,
    as_module: bool,
    folder: Path,
    append: Path | None = None,
    level: str = "default",
) -> Recording:
    """Begin to record a script into a new run file in `folder`, or to `append` to one of the same script.

    `level` is one of `LEVELS`: how many steps are looked at.
    Raises UserError when that cannot be, or this process is being recorded already.
    """
    if any(recording.is_of_this_process for recording in _recordings):
        raise UserError("headtorch records this process already, and can record it only once at a time")
    facts = {"arguments": list(argv), "headtorch": __version__, "process": os.getpid()}
    rank = this_rank()
    if append is not None:
        append = append if rank is None else file_of_rank(append, rank.rank)
        before = resume(append, script, as_module)
        writer = Writer(append, append=True)
        for key in ("ended", "ending", "detail"):
            writer.forget(key)
        facts["resumed"] = before.resumes
    else:
        before = Before()
        writer = _new_file(script, as_module, folder, "" if rank is None else f"-rank{rank.rank}")
        facts |= {} if rank is None else rank._asdict()
        facts |= {"script": script, "as_module": as_module, "folder": str(Path.cwd()), "started": time.time()}
        facts["python"] = platform.python_version()
    for key, value in facts.items():
        writer.fact(key, value)
    return Recording(writer, before, LEVELS[level])


def _new_file(script: str, as_module: bool, folder: Path, suffix: str) -> Writer:
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    name = script.rsplit(".", 1)[-1] if as_module else Path(script).stem
    for number in itertools.count(1):
        path = folder / (f"{name}-{stamp}{suffix}.htdb" if number == 1 else f"{name}-{stamp}-{number}{suffix}.htdb")
        with contextlib.suppress(FileExistsError):  # another run began in this second
            return Writer(path)
    raise AssertionError("there is always a number more")


def after_import(name: str, call: Callable[[], None]) -> None:
    """Call back as soon as a module has been imported: a script's own environment settings come before torch's
    import."""
    if name in sys.modules:
        call()
    else:
        sys.meta_path.insert(0, _AfterImport(name, call))


class _AfterImport(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, call: Callable[[], None]) -> None:
        self._name = name
        self._call = call
        self._searching = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's own spec, with a loader that calls back."""
        if name != self._name or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._searching = False
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            self._call()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

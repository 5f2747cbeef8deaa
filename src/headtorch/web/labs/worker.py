"""Worker: the process that runs the labs, as the server has it: started when first needed, replaced where it has died.

One experiment runs at a time. Who leaves one has it end between two of its frames, or, where these are far apart, by
killing the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping

import msgspec

from headtorch.web.labs.wanted import Described, Loaded, Shown, Wanted
from headtorch.web.messages import LENGTH, Message, packed

LONGEST = 180.0  # seconds of an experiment
PATIENCE = 2.0  # seconds that an experiment that was left has for its frame
GONE = "the process that ran this lab has ended; the next picture starts another"
STOPPED = f"stopped: it took longer than {LONGEST:.0f} seconds"


class Worker:
    """The process and what it has said of the labs. For one event loop."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._described: dict[str, Described] = {}
        self._turn = asyncio.Lock()
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def described(self, lab: str) -> Described:
        """What the loaded module of a lab says; the first time, once the process is up."""
        if not self._described:
            try:
                await self._started()
            except OSError:
                return Described(trouble=GONE)
        return self._described[lab]

    def begin(self) -> None:
        """Start the process, and wait for nothing."""
        self._keep(asyncio.create_task(self._begin()))

    async def frames(self, lab: str, texts: Mapping[str, str]) -> AsyncGenerator[Shown, None]:
        """The frames of an experiment until its last one. To close this leaves the experiment."""
        visit = Visit()
        self._keep(asyncio.create_task(self._conduct(Wanted(lab, dict(texts)), visit)))
        try:
            while True:
                shown = await visit.told.get()
                yield shown
                if shown.last:
                    break
        finally:
            visit.leave()

    async def close(self) -> None:
        """End the process."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ended()

    async def _conduct(self, wanted: Wanted, visit: Visit) -> None:
        async with self._turn:
            if visit.left:
                return
            trouble = await self._run(wanted, visit)
            # That a process has died since its last experiment shows only now: its successor is asked the same.
            if trouble == GONE and not visit.shown and not visit.left:
                trouble = await self._run(wanted, visit)
            if trouble:
                visit.show(Shown(last=True, trouble=trouble))
                self.begin()

    async def _run(self, wanted: Wanted, visit: Visit) -> str:
        """Run an experiment to its end, or say why it had none."""
        clock = None
        try:
            process = visit.process = await self._started()
            clock = asyncio.get_running_loop().call_later(LONGEST, _kill, process)
            _write(process, wanted)
            shown = Shown()
            while not shown.last:
                visit.show(shown := await _read(process, Shown))
            return ""
        except (OSError, asyncio.IncompleteReadError):
            await self._ended()
            return STOPPED if clock and clock.when() <= asyncio.get_running_loop().time() else GONE
        finally:
            visit.end()
            if clock is not None:
                clock.cancel()

    async def _started(self) -> Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                command = [sys.executable, "-m", "headtorch.web.labs.experiment"]
                process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
                self._process = process
                try:
                    self._described = (await _read(process, Loaded)).labs
                except asyncio.IncompleteReadError as error:
                    await self._ended()
                    raise OSError(GONE) from error
            return self._process

    async def _ended(self) -> None:
        """Wait until the process is gone: one that was killed looks alive for a moment."""
        if self._process is not None:
            _kill(self._process)
            await self._process.wait()
            self._process = None

    async def _begin(self) -> None:
        with contextlib.suppress(OSError):
            await self._started()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Visit:
    """Someone who waits for the frames of an experiment."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Shown] = asyncio.Queue()
        self.shown = False
        self.left = False
        self.process: Process | None = None
        self._clock: asyncio.TimerHandle | None = None

    def show(self, shown: Shown) -> None:
        """Have a frame wait to be seen."""
        self.shown = True
        self.told.put_nowait(shown)

    def leave(self) -> None:
        """Have the experiment end, if it has begun and not ended."""
        self.left = True
        if self.process is not None:
            with contextlib.suppress(OSError):
                _write(self.process, Wanted())
            self._clock = asyncio.get_running_loop().call_later(PATIENCE, _kill, self.process)

    def end(self) -> None:
        """The experiment has ended."""
        self.process = None
        if self._clock is not None:
            self._clock.cancel()


def _write(process: Process, message: Wanted) -> None:
    assert process.stdin is not None
    process.stdin.write(packed(message))


async def _read(process: Process, kind: type[Message]) -> Message:
    assert process.stdout is not None
    length = int.from_bytes(await process.stdout.readexactly(LENGTH), "big")
    return msgspec.msgpack.decode(await process.stdout.readexactly(length), type=kind)


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()

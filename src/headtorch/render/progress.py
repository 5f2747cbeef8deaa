"""A line on how a long training goes, in the title of the terminal: `headtorch: step 12,400 · loss 0.231`.

The title, and no row of the screen, because the script owns the screen: it may write at any moment, and nothing tells
where its cursor is. A row at the bottom, kept apart by a scroll region, was tried against it in a terminal emulator.
Plain prints and progress bars went well; a window that changed its size, a full-screen program, a script that saves
and restores the cursor itself, and `kill -9` each left that line among the script's own or the terminal a row short.
With the title the screen was the same as without headtorch in every case. The price: some terminals show no title.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
from collections.abc import Callable
from typing import TextIO

from headtorch.render.numbers import count, figure

FIRST_AFTER = 2.0
PAUSE = 0.25

# Terminals that understand a title; one that does not might print it.
HAS_TITLE = re.compile(r"(xterm|tmux|screen|rxvt|alacritty|kitty|foot|wezterm|ghostty|vte|gnome|konsole|mintty|st-)")
KEEP_TITLE = "\x1b[22;2t"
SET_TITLE = "\x1b]2;{}\x07"
# Where titles cannot be kept, the empty one stays: the terminal then shows its own.
BRING_TITLE_BACK = SET_TITLE.format("") + "\x1b[23;2t"


class Progress:
    """Shows the progress on `stream` if it is a terminal with a title, from 2 s on and at most 4 times a second.

    May be called from any thread. It never raises, and writes nothing once `stream` is closed or redirected, the
    process is a fork, or the job is in the background. The stream is neither wrapped nor locked: each change of the
    title is one write to its descriptor.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._terminal = _terminal(stream) if HAS_TITLE.match(os.environ.get("TERM", "")) else None
        self._next = clock() + FIRST_AFTER
        self._shown = False

    @property
    def shows(self) -> bool:
        """Whether the stream is a terminal that can show it."""
        return self._terminal is not None

    def update(self, steps: int, loss: float | None, findings: int) -> None:
        """Say how far the training is, if it is time to say so."""
        if self._terminal is None or os.getpid() != self._process:
            return
        with self._lock:
            now = self._clock()
            if now < self._next:
                return
            self._next = now + PAUSE
            line = SET_TITLE.format(_line(steps, loss, findings))
            if self._write(line if self._shown else KEEP_TITLE + line):
                self._shown = True

    def clear(self) -> None:
        """Bring back the title that the terminal had."""
        if os.getpid() != self._process:
            return
        with self._lock:
            if self._shown and self._write(BRING_TITLE_BACK):
                self._shown = False

    def close(self) -> None:
        """Clear, and show nothing from now on."""
        self.clear()
        self._terminal = None

    def _write(self, sequence: str) -> bool:
        """Whether the whole of `sequence` was written; nothing is where it could disturb or would wait."""
        try:
            # The script may have closed the stream, or put a file in its place.
            if self._terminal is None or _terminal(self._stream) != self._terminal:
                return False
            descriptor = self._stream.fileno()
            # A terminal that is held (Ctrl-S) takes nothing; the thread must not wait for it.
            if not _in_foreground(descriptor) or not select.select([], [descriptor], [], 0)[1]:
                return False
            rest = sequence.encode(self._stream.encoding or "ascii", "replace")
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except (OSError, ValueError):
            return False
        return True


def _terminal(stream: TextIO) -> tuple[int, int] | None:
    """The device and inode of the terminal that `stream` writes to; None if it is none, or no POSIX one."""
    try:
        if os.name != "posix" or not stream.isatty():
            return None
        facts = os.fstat(stream.fileno())
    except (AttributeError, OSError, ValueError):  # AttributeError: a stream closed from the start is None in `sys`
        return None
    return facts.st_dev, facts.st_ino


def _in_foreground(descriptor: int) -> bool:
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # it does not control our session, and has no foreground job for us


def _line(steps: int, loss: float | None, findings: int) -> str:
    parts = [f"step {steps:,}"]
    if loss is not None:
        parts.append(f"loss {figure(loss)}")
    if findings:
        parts.append(f"{count(findings, 'finding')} so far")
    return "headtorch: " + " · ".join(parts)

"""The progress of a long training, on real pseudo-terminals; pyte says what a person sees on them."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pyte
import pytest

from headtorch.render.progress import Progress

OURS = re.compile(rb"\x1b\]2;[^\x07]*\x07|\x1b\[2[23];2t")


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal:
    """A pseudo-terminal: `stream` is what a program writes to, `new()` what has come out at the other end."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self.screen = pyte.Screen(60, 10)
        self._emulator = pyte.ByteStream(self.screen)

    def new(self) -> bytes:
        received = b""
        while select.select([self.master], [], [], 0)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:  # the last writer has left
                break
            if not part:
                break
            received += part
        self._emulator.feed(received)
        return received


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    yield terminal
    terminal.stream.close()
    os.close(terminal.master)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_title_tells_the_progress_from_two_seconds_on(terminal: Terminal, clock: Clock) -> None:
    progress = Progress(terminal.stream, clock=clock)
    clock.now += 1.9
    progress.update(12000, 0.5, 0)
    assert terminal.new() == b""
    clock.now += 0.2
    progress.update(12400, 0.23123, 1)
    terminal.new()
    assert terminal.screen.title == "headtorch: step 12,400 · loss 0.231 · 1 finding so far"
    assert not "".join(terminal.screen.display).strip()
    clock.now += 1
    progress.update(12500, None, 0)
    terminal.new()
    assert terminal.screen.title == "headtorch: step 12,500"


def test_the_title_changes_at_most_four_times_a_second(terminal: Terminal, clock: Clock) -> None:
    progress = Progress(terminal.stream, clock=clock)
    clock.now += 2
    for step in range(1000):
        progress.update(step, None, 0)
        clock.now += 0.01
    assert 38 <= terminal.new().count(b"\x1b]2;") <= 41


def test_clearing_brings_the_title_back_until_the_next_update(terminal: Terminal, clock: Clock) -> None:
    progress = Progress(terminal.stream, clock=clock)
    progress.clear()
    assert terminal.new() == b""
    clock.now += 3
    progress.update(1, None, 0)
    assert terminal.new().startswith(b"\x1b[22;2t\x1b]2;headtorch")
    progress.clear()
    assert terminal.new() == b"\x1b]2;\x07\x1b[23;2t"
    clock.now += 1
    progress.update(2, None, 0)
    assert terminal.new().startswith(b"\x1b[22;2t\x1b]2;headtorch")


def test_nothing_is_shown_after_the_end(terminal: Terminal, clock: Clock) -> None:
    progress = Progress(terminal.stream, clock=clock)
    clock.now += 3
    progress.update(1, None, 0)
    progress.close()
    assert terminal.new().endswith(b"\x1b[23;2t")
    clock.now += 3
    progress.update(2, None, 0)
    progress.close()
    assert terminal.new() == b""


def shown(progress: Progress, clock: Clock) -> None:
    """Whatever may be shown now, is."""
    clock.now += 10
    progress.update(1, 0.5, 1)


@pytest.mark.parametrize("term", ["dumb", "linux", "", "vt100"])
def test_a_terminal_without_titles_is_left_alone(
    term: str, terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    progress = Progress(terminal.stream, clock=clock)
    shown(progress, clock)
    progress.close()
    assert terminal.new() == b""


@pytest.mark.usefixtures("terminal")
def test_what_is_no_terminal_gets_nothing(clock: Clock, tmp_path: Path) -> None:
    memory = io.StringIO()
    with (tmp_path / "log").open("w") as file:
        for stream in (memory, file):
            progress = Progress(stream, clock=clock)
            shown(progress, clock)
            progress.close()
    assert memory.getvalue() == "" and (tmp_path / "log").read_bytes() == b""


def test_a_stream_that_the_script_closes_is_survived(terminal: Terminal, clock: Clock) -> None:
    progress = Progress(terminal.stream, clock=clock)
    shown(progress, clock)
    terminal.stream.close()
    shown(progress, clock)
    progress.close()
    closed = Progress(terminal.stream, clock=clock)
    shown(closed, clock)
    closed.close()


def test_a_window_that_is_closed_is_survived(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    progress = Progress(terminal.stream, clock=clock)
    shown(progress, clock)
    os.close(terminal.master)
    shown(progress, clock)
    progress.close()
    terminal.stream.close()


def test_a_file_that_takes_the_place_of_the_terminal_stays_clean(
    terminal: Terminal, clock: Clock, tmp_path: Path
) -> None:
    progress = Progress(terminal.stream, clock=clock)
    shown(progress, clock)
    with (tmp_path / "log").open("w") as file:
        os.dup2(file.fileno(), terminal.stream.fileno())
    shown(progress, clock)
    progress.close()
    assert (tmp_path / "log").read_bytes() == b""


def test_a_fork_shows_nothing(terminal: Terminal, clock: Clock) -> None:
    progress = Progress(terminal.stream, clock=clock)
    child = os.fork()
    if child == 0:
        shown(progress, clock)
        progress.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert terminal.new() == b""


def test_a_terminal_that_is_held_is_not_waited_for(terminal: Terminal, clock: Clock) -> None:
    progress = Progress(terminal.stream, clock=clock)
    termios.tcflow(terminal.stream, termios.TCOOFF)  # as Ctrl-S does
    caller = threading.Thread(target=shown, args=(progress, clock))
    caller.start()
    caller.join(20)
    waits = caller.is_alive()
    held = terminal.new()
    termios.tcflow(terminal.stream, termios.TCOON)
    assert (waits, held) == (False, b"")
    shown(progress, clock)
    assert b"headtorch" in terminal.new()


IN_THE_BACKGROUND = """
import fcntl, os, signal, sys, termios
from headtorch.render.progress import Progress

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
mode = termios.tcgetattr(0)
mode[3] |= termios.TOSTOP  # a background job that writes is stopped
termios.tcsetattr(0, termios.TCSANOW, mode)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    progress = Progress(sys.stderr, clock=iter(range(0, 1000, 10)).__next__)
    progress.update(1, None, 0)
    progress.close()
    os._exit(7)
_, status = os.waitpid(child, os.WUNTRACED)
if os.WIFSTOPPED(status):
    os.kill(child, 9)
os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 99)
"""


def test_a_job_in_the_background_shows_nothing_and_is_not_stopped(terminal: Terminal) -> None:
    slave = terminal.stream.fileno()
    command = [sys.executable, "-c", IN_THE_BACKGROUND]
    done = subprocess.run(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, timeout=60)
    assert (done.returncode, terminal.new()) == (7, b"")


TRAINING = """
import sys, threading, time
from itertools import count
from headtorch.render.progress import Progress

steps, done = count(), threading.Event()

def watch():
    progress = Progress(sys.stderr, clock=count(0, 10).__next__)
    while not done.is_set():
        progress.update(next(steps), 0.5, 2)
    progress.close()

watcher = threading.Thread(target=watch)
if sys.argv[1] == "watched":
    watcher.start()
for epoch in range(100):
    print(f"\\x1b[32mepoch {epoch}\\x1b[0m ", end="", flush=True)
    for batch in range(5):
        print(f"\\r{batch / 5:4.0%}|{'█' * batch}", end="", file=sys.stderr, flush=True)
    print(f"\\rloss {1 / (epoch + 1):.3f} 学習", flush=epoch % 2 == 0)
    time.sleep(0.001)
sys.stdout.write("\\x1b7saved\\n\\x1b[2Kbelow\\x1b8\\n\\nno newline at the end")
sys.stdout.flush()
done.set()
if sys.argv[1] == "watched":
    watcher.join()
"""


def seen(training: str, *arguments: str) -> tuple[bytes, pyte.Screen]:
    terminal = Terminal()
    slave = terminal.stream.fileno()
    command = [sys.executable, "-c", training, *arguments]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    terminal.stream.close()
    received = b""
    while process.poll() is None:
        select.select([terminal.master], [], [], 0.05)
        received += terminal.new()
    received += terminal.new()
    os.close(terminal.master)
    assert process.returncode == 0, received.decode(errors="replace")
    return received, terminal.screen


def test_a_script_that_writes_all_the_time_looks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    alone, screen_alone = seen(TRAINING, "alone")
    watched, screen_watched = seen(TRAINING, "watched")
    assert watched.count(b"headtorch: step") >= 5
    assert OURS.sub(b"", watched) == alone
    assert screen_watched.display == screen_alone.display
    assert (screen_watched.cursor.x, screen_watched.cursor.y) == (screen_alone.cursor.x, screen_alone.cursor.y)
    assert screen_watched.title == ""


def test_a_script_that_is_killed_leaves_the_screen_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    code = (
        "import os, signal, sys; from headtorch.render.progress import Progress; print('epoch 1', flush=True);"
        "Progress(sys.stderr, clock=iter([0, 9]).__next__).update(1, None, 0); os.kill(os.getpid(), signal.SIGKILL)"
    )
    slave = terminal.stream.fileno()
    done = subprocess.run([sys.executable, "-c", code], stdout=slave, stderr=slave, timeout=60)
    assert done.returncode == -signal.SIGKILL
    terminal.new()
    assert terminal.screen.title == "headtorch: step 1"
    assert terminal.screen.display[0].strip() == "epoch 1"
    assert not "".join(terminal.screen.display[1:]).strip()
    assert terminal.screen.margins is None
    terminal.stream.close()
    os.close(terminal.master)

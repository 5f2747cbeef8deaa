"""Runs a script or a module as the real `__main__`, in this process, and ends the process as Python alone would.

What a script can notice of it: a few more frames at the bottom of the stack (`inspect.stack()`, the recursion limit)
and a handler of SIGTERM where Python has none.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Literal, NoReturn

import msgspec

from headtorch.model import UserError

OWN_FOLDER = str(Path(__file__).parent) + os.sep
PATIENCE = 10.0  # seconds between SIGTERM and death; schedulers send SIGKILL after 30


class Ending(msgspec.Struct, frozen=True):
    """How a script ended.

    `status` is the exit status that the script alone would have had, as a shell sees it; `signal` the signal that it
    would have died of. `detail` is the message that belongs to it, such as "ValueError: bad".
    """

    kind: Literal["finished", "exit", "exception", "interrupt", "terminated"]
    status: int
    signal: int | None = None
    detail: str = ""


def check_script(script: str) -> None:
    """Raise UserError where `script` is no file that can be read."""
    path = Path(script)
    if path.is_dir():
        raise UserError(f"cannot run {script!r}: it is a directory")
    if not path.exists():
        raise UserError(f"cannot run {script!r}: there is no such file")
    if not os.access(path, os.R_OK):
        raise UserError(f"cannot run {script!r}: it may not be read")


def execute(argv: Sequence[str], *, as_module: bool, at_sigterm: Callable[[Ending], object]) -> Ending:
    """Run the script `argv[0]` (or the module of that name) with the arguments that follow, and say how it ended.

    Everything that Python does up to its atexit handlers is done on return: the traceback or the message of
    `sys.exit` is printed and the threads are joined. A SIGTERM that kills the process calls `at_sigterm`, in a
    thread of its own, and never returns. Nor does a child process that the script forked and that runs off the
    script's end: it leaves from here, as its parent's run is not its own to report.
    """
    if not as_module:
        check_script(argv[0])
    process = os.getpid()
    raised: BaseException | None = None
    with _told_of_sigterm(at_sigterm):
        try:
            _run_module(argv) if as_module else _run_script(argv)
        except BaseException as error:
            # Looked at below: an exception handled here would become the context of one in the user's excepthook.
            raised = error
        ending = Ending("finished", 0) if raised is None else _ending_of(raised)
        _join_threads()
    if os.getpid() != process:
        leave(ending)
    return ending


def leave(ending: Ending, status: int | None = None) -> NoReturn:
    """End the process as the script alone would have, by exit status or by signal; `status` replaces a status of 0."""
    if ending.kind == "terminated":
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    if ending.kind == "interrupt":
        # The interpreter itself kills the process by SIGINT after it has run the atexit handlers and emptied every
        # file: it does so when a KeyboardInterrupt reaches the top. Its traceback has been printed already.
        _silence_next_traceback()
        raise KeyboardInterrupt
    raise SystemExit(status if status is not None and ending.status == 0 else ending.status)


def strip_own_frames(error: BaseException) -> None:
    """Take headtorch's frames out of the traceback of `error` and of every exception that hangs on it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without_own_frames(current.__traceback__)
        waiting += [current.__cause__, current.__context__]
        members = getattr(current, "exceptions", ())  # of an ExceptionGroup
        if isinstance(members, tuple):
            waiting += [member for member in members if isinstance(member, BaseException)]


def _run_script(argv: Sequence[str]) -> None:
    typed = argv[0]
    # Python puts the working directory before the path and changes nothing else in it ("/home/me/../x.py").
    path = typed if Path(typed).is_absolute() else f"{Path.cwd()}{os.sep}{typed}"
    sys.argv = list(argv)
    _replace_first_path(str(Path(path).resolve().parent))
    main = _fresh_main()
    main.__loader__ = SourceFileLoader("__main__", path)
    main.__file__ = path
    main.__dict__["__cached__"] = None
    exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), main.__dict__)


def _run_module(argv: Sequence[str]) -> None:
    # "-m" stands there while the package is imported; runpy puts the file's path in its place.
    sys.argv = ["-m", *argv[1:]]
    _replace_first_path(str(Path.cwd()))
    _fresh_main()
    # The function behind `python -m`: the public run_module() leaves no __main__ behind and words its errors otherwise.
    runpy._run_module_as_main(argv[0])  # type: ignore[attr-defined]


def _fresh_main() -> ModuleType:
    """Put an empty module in the place of headtorch's own `__main__`, where threads and pickle will look for it."""
    main = ModuleType("__main__")
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    return main


def _replace_first_path(folder: str) -> None:
    if not getattr(sys.flags, "safe_path", sys.flags.isolated):
        sys.path[0] = folder


@contextlib.contextmanager
def _told_of_sigterm(at_sigterm: Callable[[Ending], object]) -> Iterator[None]:
    """Call `at_sigterm` before SIGTERM kills the process; a handler that is there already, or comes later, wins."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        if signal.getsignal(signal.SIGTERM) is not handler:
            return  # The script's handler calls the one it found; the default it would have found cannot be called.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` and schedulers send it to the group as well.
        ending = Ending("terminated", 128 + signal.SIGTERM, signal.SIGTERM)
        told = threading.Event()
        patience = time.monotonic() + PATIENCE
        # In a thread, because the line that the signal interrupted may hold a lock that `at_sigterm` waits for.
        telling = threading.Thread(target=_then_set, args=(at_sigterm, ending, told), daemon=True)
        try:
            # The workers of a DataLoader got the signal too, and their death raises here, by its handler of SIGCHLD.
            with contextlib.suppress(Exception):
                telling.start()
            while not told.is_set() and (left := patience - time.monotonic()) > 0:
                with contextlib.suppress(Exception):
                    told.wait(left)
        finally:
            leave(ending)

    def restore() -> None:
        if signal.getsignal(signal.SIGTERM) is handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, handler)
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=restore)
    try:
        yield
    finally:
        restore()


def _then_set(at_sigterm: Callable[[Ending], object], ending: Ending, told: threading.Event) -> None:
    try:
        at_sigterm(ending)
    finally:
        told.set()


def _ending_of(raised: BaseException) -> Ending:
    """Print what Python prints of an exception that nobody caught, and say how it ends the script."""
    asked = raised if isinstance(raised, SystemExit) else _print_traceback(raised)
    if asked is not None:
        return _exit_of(asked)
    if type(raised) is KeyboardInterrupt:  # Python dies of no subclass of it.
        return Ending("interrupt", 128 + signal.SIGINT, signal.SIGINT, "KeyboardInterrupt")
    name, message = type(raised).__name__, _first_line(raised)
    return Ending("exception", 1, None, f"{name}: {message}" if message else name)


def _exit_of(asked: SystemExit) -> Ending:
    if asked.code is None:
        return Ending("exit", 0)
    if isinstance(asked.code, int):
        fits_in_long = -(2**63) <= asked.code < 2**63
        return Ending("exit", asked.code & 0xFF if fits_in_long else 0xFF)
    _say(asked.code)
    return Ending("exit", 1, None, _first_line(asked.code))


def _print_traceback(error: BaseException) -> SystemExit | None:
    """Show `error` through sys.excepthook as the interpreter does; returns the SystemExit that the hook raised."""
    strip_own_frames(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as asked:
        return asked
    except BaseException as failed:
        strip_own_frames(failed)
        _say("Error in sys.excepthook:")
        sys.__excepthook__(type(failed), failed, failed.__traceback__)
        _say("\nOriginal exception was:")
        sys.__excepthook__(type(error), error, error.__traceback__)
    return None


def _silence_next_traceback() -> None:
    previous = sys.excepthook

    def silent(*_: object) -> None:
        sys.excepthook = previous

    sys.excepthook = silent


def _join_threads() -> None:
    """Wait for the script's threads as the interpreter does at its end, where it finds nothing left to do then."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
    except BaseException as error:
        strip_own_frames(error)
        _say(f"Exception ignored in: {threading!r}")
        sys.__excepthook__(type(error), error, error.__traceback__)


def _without_own_frames(first: TracebackType | None) -> TracebackType | None:
    links = []
    while first is not None:
        links.append(first)
        first = first.tb_next
    following: TracebackType | None = None
    for link in reversed(links):
        if _is_own(link.tb_frame):
            continue
        if link.tb_next is not following:
            link.tb_next = following
        following = link
    return following


def _is_own(frame: FrameType) -> bool:
    # The examples that headtorch carries are scripts like the user's: they run as __main__.
    return frame.f_code.co_filename.startswith(OWN_FOLDER) and frame.f_globals.get("__name__") != "__main__"


def _say(message: object) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(Exception):
            print(message, file=sys.stderr)


def _first_line(said: object) -> str:
    try:
        return str(said).strip().partition("\n")[0]
    except Exception:
        return ""

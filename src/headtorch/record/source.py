"""Where in the user's own source something happens: from stack frames to file, line and columns."""

from __future__ import annotations

import inspect
import itertools
import sys
import sysconfig
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType

from headtorch.model import Where
from headtorch.record.cells import cell_name, cell_text

_OWN = str(Path(__file__).resolve().parent.parent)
_STARTS = (str(Path(_OWN, "launch.py")), str(Path(_OWN, "notebook.py")))  # what runs the user's code
_LIBRARIES = tuple(
    {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


class Sources:
    """Tells the user's frames from a library's, and remembers each file met.

    `on_file` is called once for each of the user's files, with its path and its text. A cell of a notebook is a file
    with the name that the user knows it by.
    """

    def __init__(self, on_file: Callable[[str, str], None]) -> None:
        self._on_file = on_file
        # By id, for to hash code is to read all of it; each is kept, so that no other gets its id.
        self._known: dict[int, tuple[CodeType, bool]] = {}
        self._lines: dict[str, list[str]] = {}
        self._cells: dict[str, str] = {}  # their names, by the file names that IPython gives them
        self._places: dict[tuple[CodeType, int], Where] = {}

    def is_user(self, code: CodeType) -> bool:
        """Whether code is the user's own: no library's, not ours, not made from a string."""
        known = self._known.get(id(code))
        if known is not None:
            return known[1]
        file = code.co_filename
        cell = cell_name(file)
        is_user = cell is not None or not (
            file.startswith((*_LIBRARIES, _OWN, "<")) or "site-packages" in file or "dist-packages" in file
        )
        self._known[id(code)] = code, is_user
        if is_user and file not in self._lines:
            text = _read(file) if cell is None else cell_text(file)
            self._lines[file] = text.splitlines()
            if cell is not None:
                self._cells[file] = cell
            self._on_file(cell or file, text)
        return is_user

    def user_frames(self, frame: FrameType | None) -> Iterator[FrameType]:
        """The user's frames from `frame` outwards, up to where his script or cell was started."""
        while frame is not None and frame.f_code.co_filename not in _STARTS:
            if self.is_user(frame.f_code):
                yield frame
            frame = frame.f_back

    def place(self, frame: FrameType) -> Where:
        """The expression that a frame is at."""
        key = (frame.f_code, frame.f_lasti)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = self._place(*key, frame.f_lineno)
        return found

    def _place(self, code: CodeType, instruction: int, line: int) -> Where:
        file = code.co_filename
        shown = self._cells.get(file, file)
        if sys.version_info >= (3, 11):
            start, end, column, end_column = next(
                itertools.islice(code.co_positions(), instruction // 2, None), (None, None, None, None)
            )
            if start is not None and end is not None and column is not None and end_column is not None:
                return Where(shown, start, self._column(file, start, column), self._column(file, end, end_column), end)
        return Where(shown, line)

    def _column(self, file: str, line: int, offset: int) -> int:
        """The column, from 1, of a byte offset: the interpreter counts a line in bytes of UTF-8."""
        lines = self._lines.get(file, [])
        text = lines[line - 1] if line <= len(lines) else ""
        return len(text.encode()[:offset].decode(errors="replace")) + 1 if text else offset + 1

    def stack(self, depth: int = 6) -> tuple[Where, ...]:
        """The user's lines that led to the caller, innermost first."""
        return tuple(self.place(frame) for frame in itertools.islice(self.user_frames(sys._getframe(1)), depth))

    def here(self) -> Where | None:
        """The user's innermost line that led to the caller, if there is one."""
        frame = next(self.user_frames(sys._getframe(1)), None)
        return None if frame is None else self.place(frame)


def variables(frame: FrameType) -> list[tuple[str, object]]:
    """The variables that a frame sees, innermost first; none of a function's that may hold its own locals().

    Before Python 3.13 asking a running function for its variables fills the one dict that locals() gives, and that dict
    holds them until the function returns: so it is emptied again.
    """
    found: list[tuple[str, object]] = []
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and not {"locals", "vars"} & set(frame.f_code.co_names):
        scope = frame.f_locals
        found += scope.items()
        if sys.version_info < (3, 13):
            scope.clear()
    return found + list(frame.f_globals.items())


def _read(file: str) -> str:
    try:
        with tokenize.open(file) as stream:
            return stream.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""

"""The notebook: a training watched from the inside, its diagnosis shown below the cell.

What is watched is what happens between the two ends: a network or an optimizer made before is known, but not the line
that made it.
"""

from __future__ import annotations

import ast
import html
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from headtorch import record, settings
from headtorch.diagnose import diagnose
from headtorch.model import Report, UserError
from headtorch.record.cells import cell_name, shell
from headtorch.render import drawn, text
from headtorch.rules import chosen

HEIGHT = 640  # pixels of the page in a cell


class Watching:
    """Records the trainings of a `with` block, and shows their diagnosis at its end.

    `report` is the diagnosis once the block has ended. An exception of the block passes through.
    """

    def __init__(self) -> None:
        self.report: Report | None = None
        self._recording: record.Recording | None = None

    def __enter__(self) -> Watching:
        runs = Path(os.environ.get("HEADTORCH_RUNS", "headtorch-runs")).absolute()
        self._recording = record.begin(script=_script(), argv=(), as_module=False, folder=runs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        run_file = recording.end(*_ending(error))
        recording.detach()
        try:
            choice = settings.read(Path.cwd())
            self.report, sources = diagnose(run_file, chosen(choice.select, choice.ignore))
            _show(self.report, sources)
            if (trouble := recording.trouble) is not None and trouble not in self.report.notices:
                print(f"headtorch: {trouble}", file=sys.stderr)
        except Exception as failed:  # the training went well or badly without us
            print(f"headtorch: the report failed: {failed}; the run is kept in '{run_file}'", file=sys.stderr)


def add_magic(ipython: Any) -> None:
    """Give an IPython shell the magic `%%headtorch`."""

    def headtorch(line: str, cell: str) -> Any:
        """Run the cell and show what headtorch says of its trainings."""
        __tracebackhide__ = True  # IPython leaves this frame out of tracebacks
        if line.strip():
            raise UserError(f"%%headtorch takes no arguments: {line.strip()!r}")
        # A line before it, for the magic's own: lines are counted as the user sees them.
        text = "\n" + ipython.transform_cell(cell)
        name = ipython.compile.cache(text, _cell_number(ipython))
        tree = ast.parse(text, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with Watching():
            exec(compile(tree, name, "exec", dont_inherit=True), ipython.user_ns)
            if last is not None:
                return eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), ipython.user_ns)
        return None

    ipython.register_magic_function(headtorch, "cell")


def _cell_number(ipython: Any) -> int:
    """The number of the cell that runs: versions of IPython count up before it or after it."""
    frame = sys._getframe(1)
    while frame is not None:
        if (name := cell_name(frame.f_code.co_filename)) is not None:
            return int(name.split()[-1])
        frame = frame.f_back  # type: ignore[assignment]
    return int(ipython.execution_count)


def _script() -> str:
    """What the run is named after: the notebook or the script."""
    if shell() is not None:
        return Path(os.environ.get("JPY_SESSION_NAME", "")).name or "notebook"
    return str(getattr(sys.modules["__main__"], "__file__", "python"))


def _ending(error: BaseException | None) -> tuple[str, str]:
    if error is None:
        return "finished", ""
    kind = "interrupt" if isinstance(error, KeyboardInterrupt) else "exit" if isinstance(error, SystemExit) else ""
    return kind or "exception", type(error).__name__


def _show(report: Report, sources: dict[str, str]) -> None:
    """In a notebook as a page, where one can be drawn, and as text; elsewhere as text on stderr."""
    plain = text.render(report, sources)
    if shell() is None:
        print(plain, end="", file=sys.stderr)
        return
    from IPython.display import display

    shown = {"text/plain": plain}
    page = drawn(report, sources, ".html")
    if page is not None:
        # In a frame, so that its styles and those of the notebook leave each other alone.
        frame = f'<iframe srcdoc="{html.escape(page)}" sandbox="allow-scripts" width="100%" height="{HEIGHT}"></iframe>'
        shown["text/html"] = frame
    display(shown, raw=True)  # type: ignore[no-untyped-call]

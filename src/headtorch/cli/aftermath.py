"""Aftermath: the diagnosis that is printed when a script has ended, whatever the script has left behind."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headtorch import launch
from headtorch.cli.options import Choice, rules_of
from headtorch.cli.terminal import colourful, columns
from headtorch.model import UserError

if TYPE_CHECKING:
    from headtorch.model import Report

BRIEFLY = 2.0  # seconds for the other ranks where this one was stopped: it is killed itself soon


class Aftermath:
    """What headtorch does once the script has ended: nothing that fails here may touch the script's end.

    Made before the script starts, for a script can close stderr, change the path and the environment. `end` closes
    the recording, given the kind and the detail of the ending, and returns the run file. Of the ranks of a job one
    `tells`, for all of them.
    """

    def __init__(
        self,
        end: Callable[[str, str], Path],
        reports: tuple[Path, ...],
        choice: Choice,
        trouble: Callable[[], str | None],
        tells: bool,
    ) -> None:
        self._tells = tells
        self._end = end
        self._trouble = trouble
        self._choice = choice
        self._reports = reports
        self._path = list(sys.path)
        self._columns = columns()
        self._encoding = sys.stderr.encoding if sys.stderr else "utf-8"
        self._colour = sys.stderr is not None and colourful(sys.stderr)
        self._stderr: int | None = None
        with contextlib.suppress(OSError):
            self._stderr = os.dup(2)

    def report(self, ending: launch.Ending) -> Report | None:
        """End the recording, print its diagnosis and write the reports; None if there is no diagnosis."""
        found, kept = None, ""
        try:
            run_file = self._end(ending.kind, ending.detail)
            if not self._tells:
                self._say_trouble()
                return None
            kept = f"; the run is kept in '{run_file}'"
            if ending.kind != "terminated":  # Python alone drops what a terminated script has not yet flushed.
                with contextlib.suppress(Exception):
                    sys.stdout.flush()  # The report stands below what the script printed.
            with self._own_surroundings():
                from headtorch import render
                from headtorch.diagnose import diagnose
                from headtorch.render import text
                from headtorch.store.ranks import PATIENCE, await_ranks

                await_ranks(run_file, PATIENCE if ending.kind in ("finished", "exit") else BRIEFLY)
                found, sources = diagnose(run_file, rules_of(self._choice))
                self._say(text.render(found, sources, width=self._columns, colour=self._colour))
                self._say_trouble(found.notices)
                for path in self._reports:
                    try:
                        render.write(found, sources, path)
                    except UserError as error:
                        self._say(f"headtorch: {error}\n")
        except UserError as error:
            self._say(f"headtorch: {error}\n")
        except KeyboardInterrupt:
            self._say(f"headtorch: interrupted before the report was complete{kept}\n")
        except BaseException as error:
            reason = traceback.format_exception_only(type(error), error)[-1].strip()
            self._say(f"headtorch: the report failed: {reason}{kept}\n")
        return found

    def _say_trouble(self, told: Sequence[str] = ()) -> None:
        # A disk that is full can't hold the news of it.
        if (trouble := self._trouble()) is not None and trouble not in told:
            self._say(f"headtorch: {trouble}\n")

    def _say(self, text: str) -> None:
        left = text.encode(self._encoding, "backslashreplace")
        with contextlib.suppress(OSError):
            while left and self._stderr is not None:
                left = left[os.write(self._stderr, left) :]

    @contextlib.contextmanager
    def _own_surroundings(self) -> Iterator[None]:
        """Without the script's folder on the path, where a `html.py` may lie, its warning filters and NumPy's traps."""
        theirs = list(sys.path)
        sys.path[:] = self._path
        try:
            import numpy as np

            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                yield
        finally:
            sys.path[:] = theirs

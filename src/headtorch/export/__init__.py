"""Exports: a run written for another program. A target is one module here that has an `export`.

A target's module has

    PLACE       where it goes by default, `{name}` standing for the run
    OPEN        how the result is opened, `{place}` standing for where it is
    export      a function from Contents and a path, which writes there with the program's own library

The first line of its docstring says in the help what it writes.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from headtorch.export.curves import Curve, curves
from headtorch.model import Report, UserError
from headtorch.render import markdown
from headtorch.signals import Signals
from headtorch.store.run import Run

__all__ = ["Contents", "Curve", "Target", "contents", "target_named", "targets"]


class Contents(NamedTuple):
    """What of a run is exported: its name, its diagnosis as a record and as Markdown, its curves."""

    name: str
    report: Report
    page: str
    curves: tuple[Curve, ...]


class Target(NamedTuple):
    """A program that a run can be written for."""

    name: str
    place: str
    opened_by: str
    export: Callable[[Contents, Path], None]


def targets() -> tuple[str, ...]:
    """The names of all targets. None of them is imported."""
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name != "curves")


def target_named(name: str) -> Target:
    """The target of that name. Raises UserError where there is none, or where its library is not installed."""
    if name not in targets():
        raise UserError(f"cannot export to '{name}': the targets are {', '.join(targets())}")
    try:
        module: ModuleType = import_module(f"{__name__}.{name}")
    except ImportError as error:
        raise UserError(
            f"cannot export to {name}: '{error.name}' is not installed; `pip install 'headtorch[{name}]'` brings it"
        ) from error
    return Target(name, module.PLACE, module.OPEN, module.export)


def contents(run_file: Path, report: Report, sources: dict[str, str]) -> Contents:
    """What of a run file is exported, given its diagnosis."""
    run = Run(run_file)
    try:
        return Contents(run_file.stem, report, markdown.render(report, sources), tuple(curves(Signals(run))))
    finally:
        run.close()

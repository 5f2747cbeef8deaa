"""The renderers: a report drawn as text, as JSON. A format is one module here that has a `SUFFIX` and a `render`."""

from __future__ import annotations

import contextlib
import os
import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from headtorch.model import Report, UserError

Sources = Mapping[str, str]
"""The text of each of the user's files as it was recorded, by the name it has in `Where.file`."""


def check_path(path: Path) -> None:
    """Raise UserError if no renderer writes files that end like `path`."""
    _renderer(path)


def write(report: Report, sources: Sources, path: Path) -> None:
    """Render `report` in the format that the ending of `path` names, and put it there whole or not at all.

    Raises UserError when the ending is unknown or the file cannot be written.
    """
    render = _renderer(path)
    # A lone surrogate (a byte of a file name that is no UTF-8) is written as \udcXX, which is also its form in JSON.
    content = render(report, sources).encode("utf-8", "backslashreplace")
    target = path.resolve()
    unfinished = target.with_name(f".headtorch-{os.urandom(8).hex()}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
        unfinished.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise UserError(f"cannot write '{path}': {error.strerror or error}") from error


def drawn(report: Report, sources: Sources, suffix: str) -> str | None:
    """`report` in the format of files that end in `suffix`; None where there is no such format."""
    render = _renderers().get(suffix)
    return None if render is None else render(report, sources)


def _renderers() -> dict[str, Callable[[Report, Sources], str]]:
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {module.SUFFIX: module.render for module in modules if hasattr(module, "SUFFIX")}


def _renderer(path: Path) -> Callable[[Report, Sources], str]:
    renderers = _renderers()
    try:
        render = renderers[path.suffix.lower()]
    except KeyError:
        known = " or ".join(sorted(renderers))
        raise UserError(f"cannot write a report to '{path}': its name must end in {known}") from None
    return render

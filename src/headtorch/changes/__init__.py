"""Changes: edits of the user's source text, by place. Knows text only; runs nothing of it, and needs no torch.

An edit is a record, see `headtorch.model.Edit`; its `do` names a module of `edits`, whose `edit` carries it out on a
`Source`. LibCST is imported only then, so that rules can make edits and a report still starts quickly.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Mapping
from importlib import import_module

from headtorch.model import COMMAND_LINE, Edit, Where

__all__ = [
    "CannotEditError",
    "apply",
    "delete",
    "diff",
    "insert_after",
    "insert_before",
    "insert_item",
    "number_at",
    "replace",
    "set_argument",
    "set_operator",
    "set_value",
    "text_at",
    "unconditional",
    "unwrap",
]


class CannotEditError(Exception):
    """An edit does not fit the source; the message says why, as a clause."""


def set_value(where: Where, code: str, name: str = "") -> Edit:
    """Write another value where one stands: in an argument, an assignment, a default, an entry of a dictionary.

    Where the place is a call instead, its argument `name` is set.
    """
    return Edit("set_value", where, code, name)


def set_argument(where: Where, name: str, code: str) -> Edit:
    """Set the argument `name` of the call at a place, or add it."""
    return Edit("set_argument", where, code, name)


def replace(where: Where, code: str) -> Edit:
    """Put another expression in the place of one. `{}` in it stands for the old one, `{0}` for its first argument,
    `{self}` for what its method was called on."""
    return Edit("replace", where, code)


def unwrap(where: Where) -> Edit:
    """Leave out a function or a layer: `softmax(x)` becomes `x`; a layer leaves its list, or becomes an identity."""
    return Edit("unwrap", where)


def insert_before(where: Where, code: str) -> Edit:
    """Put a statement before the one at a place."""
    return Edit("insert_before", where, code)


def insert_after(where: Where, code: str) -> Edit:
    """Put a statement after the one at a place."""
    return Edit("insert_after", where, code)


def insert_item(where: Where, code: str) -> Edit:
    """Put an item after another in a list or among arguments, as a layer among those of a Sequential."""
    return Edit("insert_item", where, code)


def set_operator(where: Where, code: str) -> Edit:
    """Give the assignment at a place another operator, such as `-=`."""
    return Edit("set_operator", where, code)


def delete(where: Where) -> Edit:
    """Leave out the statement at a place."""
    return Edit("delete", where)


def unconditional(where: Where) -> Edit:
    """Do the statement at a place whatever the `if` around it says."""
    return Edit("unconditional", where)


def apply(sources: Mapping[str, str], edits: Iterable[Edit]) -> dict[str, str]:
    """The new text of each file that the edits change. Raises CannotEditError where an edit does not fit."""
    from headtorch.changes.source import Source

    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.where.file, []).append(edit)
    changed = {}
    for file, here in by_file.items():
        if file not in sources:
            raise CannotEditError(f"'{file}' is no file of the working folder")
        if file == COMMAND_LINE:
            changed[file] = _spliced(sources[file], here)
            continue
        source = Source(sources[file])
        for edit in here:
            import_module(f"{__name__}.edits.{edit.do}").edit(source, edit)
        text = source.text()
        try:
            compile(text, file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise CannotEditError("the edited source would not parse") from error
        if text == sources[file]:
            raise CannotEditError("the source says so already")
        changed[file] = text
    return changed


def _spliced(line: str, edits: Iterable[Edit]) -> str:
    """A line with the code of each edit in the place of what stands there."""
    for edit in sorted(edits, key=lambda edit: edit.where.column or 0, reverse=True):
        start, end = edit.where.column or 1, edit.where.end_column or 1
        line = line[: start - 1] + edit.code + line[end - 1 :]
    return line


def diff(before: str, after: str, name: str, context: int = 0) -> str:
    """The difference of two texts in unified format."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name, n=context, lineterm="\n"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def text_at(sources: Mapping[str, str], where: Where) -> str:
    """The source text of a place, as far as it stands on one line; empty when its columns are not known."""
    lines = re.split(r"\r\n|\r|\n", sources.get(where.file, ""))
    if where.column is None or where.end_column is None or where.line > len(lines):
        return ""
    end = where.end_column - 1 if where.end_line in (None, where.line) else None
    return lines[where.line - 1][where.column - 1 : end]


def number_at(sources: Mapping[str, str], where: Where) -> float | None:
    """The number that is written at a place, behind its `name =` if it has one."""
    written = re.sub(r"^[\w.\[\]'\"]+\s*(:[^=]*)?=\s*", "", text_at(sources, where)).strip()
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

"""Text from a run made safe to print: what could steer a terminal or hide itself is shown as an escape."""

from __future__ import annotations

import unicodedata
from typing import TypeVar

import msgspec

Record = TypeVar("Record")


def is_plain(character: str) -> bool:
    """Whether a terminal shows `character` as itself, so no control, format (bidi, zero width) or surrogate."""
    return character.isprintable() or unicodedata.category(character) == "Zs"


def visible(text: str) -> str:
    r"""`text` with every character that is not plain written as an escape, such as \x1b or \u202e."""
    if text.isprintable():
        return text
    return "".join(c if is_plain(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def all_visible(record: Record) -> Record:
    """A copy of a record in which every string, however deep, is visible."""
    shown: object = record
    if isinstance(record, str):
        shown = visible(record)
    elif isinstance(record, tuple):
        shown = tuple(all_visible(item) for item in record)
    elif isinstance(record, msgspec.Struct):
        shown = type(record)(**{name: all_visible(getattr(record, name)) for name in record.__struct_fields__})
    return shown  # type: ignore[return-value]


def columns(text: str) -> int:
    """How many terminal columns visible `text` takes: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

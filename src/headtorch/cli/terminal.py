"""The terminal: what is written on it, how wide, and whether in colour."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

import click

COLUMNS = 88


def show(text: str) -> None:
    """Print on stdout, with an escape for what its encoding lacks."""
    encoding = sys.stdout.encoding
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=False)


def colourful(stream: TextIO) -> bool:
    """Whether a stream shows colours and its user wants them."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """The width to write in."""
    return min(COLUMNS, shutil.get_terminal_size((COLUMNS, 24)).columns)

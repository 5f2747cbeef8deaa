"""What is done with a patch: written where the user has said so or says yes now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headtorch.model import COMMAND_LINE

if TYPE_CHECKING:
    from headtorch.trials.command import Patch


def offer(patch: Patch, output: Path | None, applies: bool) -> None:
    """Write the files of a patch, and say how to run the script where its command line is what changes."""
    from headtorch.trials.command import write

    if COMMAND_LINE in patch.changed:
        print(f"headtorch: run it with: {patch.script.name} {patch.changed[COMMAND_LINE]}", file=sys.stderr)
    if not patch.files:
        return
    agreed = applies or (
        output is None and sys.stdin.isatty() and click.confirm("write this into your script?", err=True)
    )
    if output is None and not agreed:
        print("headtorch: nothing was written; --apply writes it, --output FILE a patched copy", file=sys.stderr)
    write(patch, output, agreed, lambda text: print(f"headtorch: {text}", file=sys.stderr, flush=True))

"""insert_before: put a statement before another."""

from headtorch.changes.source import Source
from headtorch.model import Edit


def edit(source: Source, wanted: Edit) -> None:
    """The statement is the innermost that holds the place."""
    source.insert(source.statement(wanted.where), wanted.code, before=True)

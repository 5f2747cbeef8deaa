"""delete: leave out a statement."""

from headtorch.changes.source import Source
from headtorch.model import Edit


def edit(source: Source, wanted: Edit) -> None:
    """The statement is the innermost that holds the place."""
    source.replace(source.statement(wanted.where), None)

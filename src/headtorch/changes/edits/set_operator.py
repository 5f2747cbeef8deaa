"""set_operator: give an assignment another operator."""

import libcst as cst

from headtorch.changes import CannotEditError
from headtorch.changes.source import Source
from headtorch.model import Edit

OPERATORS: dict[str, type[cst.BaseAugOp]] = {"+=": cst.AddAssign, "-=": cst.SubtractAssign}


def edit(source: Source, wanted: Edit) -> None:
    """The assignment is the innermost statement that holds the place."""
    statement = source.statement(wanted.where)
    if not isinstance(statement, cst.AugAssign):
        raise CannotEditError("there is no such assignment at its place")
    source.replace(statement, statement.with_changes(operator=OPERATORS[wanted.code]()))

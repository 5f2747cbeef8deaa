"""unconditional: do the statement at a place whether its condition holds or not."""

import libcst as cst

from headtorch.changes import CannotEditError
from headtorch.changes.source import Source
from headtorch.model import Edit


def edit(source: Source, wanted: Edit) -> None:
    """The block of the innermost `if` around the statement takes the place of the whole `if`."""
    statement = source.statement(wanted.where)
    condition = next(source.within(statement, cst.If), None)
    if condition is None or condition.orelse is not None:
        raise CannotEditError("it does not stand under a condition without an `else`")
    if isinstance(source.parents[condition], cst.If):
        raise CannotEditError("its condition is an `elif`")
    kept: list[cst.CSTNode]
    if isinstance(condition.body, cst.IndentedBlock):
        first, *others = condition.body.body
        lines = [*condition.leading_lines, *getattr(first, "leading_lines", ())]
        kept = [first.with_changes(leading_lines=lines), *others]
    else:
        kept = [cst.SimpleStatementLine(condition.body.body, leading_lines=condition.leading_lines)]  # type: ignore[arg-type]
    source.replace(condition, cst.FlattenSentinel(kept))

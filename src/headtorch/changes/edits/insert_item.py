"""insert_item: put an item after another in a list or among arguments."""

import libcst as cst

from headtorch.changes import CannotEditError
from headtorch.changes.source import Source
from headtorch.model import Edit


def edit(source: Source, wanted: Edit) -> None:
    """The new item stands on the same line as the one before it."""
    value = source.value(wanted.where)
    item = source.parents.get(value) if value is not None else None
    holder = source.parents.get(item) if item is not None else None
    new = source.expression(wanted.code)
    gap = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if isinstance(holder, cst.Call) and isinstance(item, cst.Arg) and item.keyword is None:
        rest = item.with_changes(value=new)
        before = item.with_changes(comma=gap, whitespace_after_arg=cst.SimpleWhitespace(""))
        source.replace(item, cst.FlattenSentinel([before, rest]))
    elif isinstance(holder, (cst.List, cst.Tuple)) and isinstance(item, cst.Element):
        pair = [item.with_changes(comma=gap), cst.Element(new, comma=item.comma)]
        source.replace(item, cst.FlattenSentinel(pair))
    else:
        raise CannotEditError("there is no list around its place")

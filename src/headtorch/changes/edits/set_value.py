"""set_value: write another value where one stands."""

import libcst as cst

from headtorch.changes import CannotEditError
from headtorch.changes.edits.set_argument import set_in
from headtorch.changes.source import Source
from headtorch.model import Edit


def edit(source: Source, wanted: Edit) -> None:
    """In an argument, an assignment, a default or an entry; where a call stands instead, set its argument."""
    new = source.expression(wanted.code)
    value = source.value(wanted.where)
    if isinstance(value, cst.Call) and wanted.name and source.at(wanted.where, cst.Call) is value:
        option = isinstance(value.func, cst.Attribute) and value.func.attr.value == "add_argument"
        set_in(source, value, "default" if option else wanted.name, new)
    elif value is not None:
        source.replace(value, new)
    else:
        raise CannotEditError("there is no value at its place")

"""set_value: write another value where one stands."""

import libcst as cst

from headtorch.changes import CannotEdit
from headtorch.changes.set_argument import set_in
from headtorch.changes.source import Source
from headtorch.model import Edit


def edit(source: Source, wanted: Edit) -> None:
    """In an argument, an assignment, a default or an entry; where a call stands instead, set its argument."""
    new = source.expression(wanted.code)
    argument = source.at(wanted.where, cst.Arg)
    assigned = source.at(wanted.where, cst.Assign, cst.AnnAssign)
    value = source.at(wanted.where, cst.BaseExpression)
    if argument is not None and argument.keyword is not None:
        source.replace(argument.value, new)
    elif assigned is not None and assigned.value is not None:
        source.replace(assigned.value, new)
    elif isinstance(value, cst.Call) and wanted.name:
        option = isinstance(value.func, cst.Attribute) and value.func.attr.value == "add_argument"
        set_in(source, value, "default" if option else wanted.name, new)
    elif value is not None:
        source.replace(value, new)
    else:
        raise CannotEdit("there is no value at its place")

"""set_argument: set an argument of a call, or add it."""

import libcst as cst

from headtorch.changes import CannotEditError
from headtorch.changes.source import Source
from headtorch.model import Edit


def edit(source: Source, wanted: Edit) -> None:
    """The call is the one at the place, or the innermost around it."""
    call = source.at(wanted.where, cst.Call)
    if call is None:
        node = source.value(wanted.where)
        call = next(source.within(node, cst.Call), None) if node is not None else None
    if call is None:
        raise CannotEditError("there is no call at its place")
    set_in(source, call, wanted.name, source.expression(wanted.code))


def set_in(source: Source, call: cst.Call, name: str, value: cst.BaseExpression) -> None:
    """Set the argument `name` of a call; a new one comes last, in the layout of those before it."""
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value == name:
            source.replace(argument.value, value)
            return
    tight = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
    added = cst.Arg(value=value, keyword=cst.Name(name), equal=tight)
    arguments = list(call.args)
    if arguments:
        last = arguments[-1]
        if isinstance(last.comma, cst.Comma):
            added = added.with_changes(comma=last.comma)
            before = arguments[-2].comma if len(arguments) > 1 else cst.MaybeSentinel.DEFAULT
            comma = before if isinstance(before, cst.Comma) else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            arguments[-1] = last.with_changes(comma=comma)
        else:
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            arguments[-1] = last.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace(""))
            added = added.with_changes(whitespace_after_arg=last.whitespace_after_arg)
    source.replace(call, call.with_changes(args=[*arguments, added]))

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

    def with_it(call: cst.Call) -> cst.Call:
        arguments, new = list(call.args), added
        if arguments:
            last = arguments[-1]
            if isinstance(last.comma, cst.Comma):
                new = added.with_changes(comma=last.comma)
                before = arguments[-2].comma if len(arguments) > 1 else cst.MaybeSentinel.DEFAULT
                gap = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
                arguments[-1] = last.with_changes(comma=before if isinstance(before, cst.Comma) else gap)
            else:
                comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
                arguments[-1] = last.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace(""))
                new = added.with_changes(whitespace_after_arg=last.whitespace_after_arg)
        return call.with_changes(args=[*arguments, new])

    source.rebuild(call, with_it)

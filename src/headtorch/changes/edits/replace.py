"""replace: put another expression in the place of one, around it or around a part of it."""

import libcst as cst

from headtorch.changes import CannotEditError
from headtorch.changes.source import Source
from headtorch.model import Edit

NEEDS_NO_PARENTHESES = (cst.Name, cst.Attribute, cst.Call, cst.Subscript)


def edit(source: Source, wanted: Edit) -> None:
    """`{}` in the code stands for the old expression, `{0}` for its first argument, `{self}` for its object."""
    node = source.value(wanted.where)
    if node is None:
        raise CannotEditError("there is no expression at its place")
    code = wanted.code
    if "{0}" in code or "{self}" in code:
        if not isinstance(node, cst.Call):
            raise CannotEditError("there is no call at its place")
        if "{0}" in code:
            if not node.args:
                raise CannotEditError("the call at its place has no argument")
            code = code.replace("{0}", source.code(node.args[0].value))
        if "{self}" in code:
            if not isinstance(node.func, cst.Attribute):
                raise CannotEditError("there is no method call at its place")
            code = code.replace("{self}", source.code(node.func.value))
    old = source.code(node)
    if isinstance(node, NEEDS_NO_PARENTHESES):
        code = code.replace("({}).", "{}.")
    source.replace(node, source.expression(code.replace("{}", old)))

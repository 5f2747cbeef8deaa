"""unwrap: leave out a function or a layer."""

import libcst as cst

from headtorch.changes import CannotEditError
from headtorch.changes.source import Source
from headtorch.model import Edit

IDENTITY = "torch.nn.Identity()"


def edit(source: Source, wanted: Edit) -> None:
    """`softmax(x)` and `x.softmax(1)` become `x`; a layer leaves its list of layers, or becomes an identity."""
    call = source.at(wanted.where, cst.Call)
    if call is None:
        raise CannotEditError("there is no call at its place")
    if _makes_layer(call):
        holder = source.parents[call]
        if isinstance(holder, (cst.Arg, cst.Element)) and getattr(holder, "keyword", None) is None:
            _leave_out(source, holder)
        else:
            source.replace(call, source.expression(IDENTITY))
    elif isinstance(call.func, cst.Attribute) and source.code(call.func.value).split(".")[0] not in _libraries(source):
        if isinstance(call.func.value, cst.Name) and call.func.value.value == "self" and call.args:
            source.replace(call, call.args[0].value)  # self.softmax(x)
        else:
            source.replace(call, call.func.value)
    elif call.args:
        source.replace(call, call.args[0].value)
    else:
        raise CannotEditError("the call at its place has no argument")


def _leave_out(source: Source, item: cst.Arg | cst.Element) -> None:
    """Leave an item out of its list; what closes the list stays where it was."""
    holder = source.parents[item]
    items: list[cst.CSTNode] = list(holder.args if isinstance(holder, cst.Call) else getattr(holder, "elements", ()))
    source.replace(item, None)
    if item is not items[-1] or len(items) < 2:
        return
    before = items[-2]
    mine, comma = getattr(before, "comma", None), item.comma
    if isinstance(comma, cst.Comma) and isinstance(mine, cst.Comma):
        old, new = mine.whitespace_after, comma.whitespace_after
        if isinstance(old, cst.ParenthesizedWhitespace) and isinstance(new, cst.ParenthesizedWhitespace):
            new = old.with_changes(indent=new.indent, last_line=new.last_line)  # with the comment that stands there
        source.replace(mine, mine.with_changes(whitespace_after=new))
    elif not isinstance(comma, cst.Comma):
        end = {"whitespace_after_arg": item.whitespace_after_arg} if isinstance(item, cst.Arg) else {}
        source.replace(before, before.with_changes(comma=cst.MaybeSentinel.DEFAULT, **end))


def _makes_layer(call: cst.Call) -> bool:
    name = call.func.attr.value if isinstance(call.func, cst.Attribute) else getattr(call.func, "value", "")
    return isinstance(name, str) and name[:1].isupper()


def _libraries(source: Source) -> set[str]:
    """The names that stand for imported modules."""
    names = {"torch", "nn", "F"}
    for statement in source.module.body:
        for part in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(part, (cst.Import, cst.ImportFrom)) and not isinstance(part.names, cst.ImportStar):
                for alias in part.names:
                    names.add(source.code(alias.asname.name if alias.asname else alias.name).split(".")[0])
    return names

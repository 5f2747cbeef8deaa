"""Source: a text of Python that edits change by place, while its comments and its layout stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, cast

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

from headtorch.changes import CannotEditError
from headtorch.model import Where

Node = TypeVar("Node", bound=cst.CSTNode)
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Several = cst.FlattenSentinel[cst.CSTNode]


class Source:
    """A text that is edited: edits say what is to become of nodes of the original, and `text` carries all out."""

    def __init__(self, text: str) -> None:
        try:
            self._wrapper = MetadataWrapper(cst.parse_module(text))
        except cst.ParserSyntaxError as error:
            raise CannotEditError("the source cannot be parsed") from error
        self.module = self._wrapper.module
        self._positions = cast("Mapping[cst.CSTNode, CodeRange]", self._wrapper.resolve(PositionProvider))
        self.parents = cast("Mapping[cst.CSTNode, cst.CSTNode]", self._wrapper.resolve(ParentNodeProvider))
        self._replaced: dict[cst.CSTNode, cst.CSTNode | Several | None] = {}
        self._rebuilt: dict[cst.CSTNode, list[Callable[[cst.Call], cst.Call]]] = {}
        self._around: dict[cst.CSTNode, tuple[list[str], list[str]]] = {}

    def text(self) -> str:
        """The source with all edits."""
        return self.module.visit(_Rewriting(self)).code

    # ---- finding --------------------------------------------------------------------------------------------------

    def at(self, where: Where, *kinds: type[Node]) -> Node | None:
        """The node of one of these kinds that stands exactly at a place; without columns, the longest on its line."""
        return next((node for node in self._standing_at(where) if isinstance(node, kinds)), None)

    def _standing_at(self, where: Where) -> list[cst.CSTNode]:
        found = []
        for node, span in self._positions.items():
            start, end = span.start.column + 1, span.end.column + 1
            if span.start.line == where.line and (
                where.column is None
                or (
                    (start, end) == (where.column, where.end_column) and span.end.line == (where.end_line or where.line)
                )
            ):
                found.append((span.end.line, end, node))
        return [node for _, _, node in sorted(found, key=lambda entry: entry[:2], reverse=True)]

    def statement(self, where: Where) -> cst.CSTNode:
        """The innermost statement that holds the beginning of a place."""
        best: tuple[int, cst.CSTNode] | None = None
        column = (where.column or 1) - 1
        for node, span in self._positions.items():
            if isinstance(node, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
                after_start = (span.start.line, span.start.column) <= (where.line, max(column, 0))
                if where.column is None:
                    after_start = span.start.line <= where.line
                if after_start and (where.line, column) <= (span.end.line, span.end.column):
                    size = (span.end.line - span.start.line) * 10_000 + span.end.column - span.start.column
                    if best is None or size < best[0]:
                        best = (size, node)
        if best is None:
            raise CannotEditError("there is no statement at its place")
        return best[1]

    def within(self, node: cst.CSTNode, *kinds: type[Node]) -> Iterator[Node]:
        """A node and all those above it that are of these kinds, innermost first."""
        current: cst.CSTNode | None = node
        while current is not None:
            if isinstance(current, kinds):
                yield current
            current = self.parents.get(current)

    def code(self, node: cst.CSTNode) -> str:
        """The source of a node."""
        return self.module.code_for_node(node)

    def value(self, where: Where) -> cst.BaseExpression | None:
        """The expression at a place; of an assignment or an argument, what is given."""
        for node in self._standing_at(where):
            if isinstance(node, (cst.Assign, cst.AnnAssign)) and node.value is not None:
                return node.value
            if isinstance(node, cst.Arg):
                return node.value
        return self.at(where, cst.BaseExpression)  # type: ignore[type-abstract]

    # ---- editing --------------------------------------------------------------------------------------------------

    def replace(self, node: cst.CSTNode, new: cst.CSTNode | Several | None) -> None:
        """Put another node, or several, in the place of one; None leaves it out."""
        self._replaced[node] = new

    def rebuild(self, call: cst.Call, again: Callable[[cst.Call], cst.Call]) -> None:
        """Make another call of one, after all edits within it."""
        self._rebuilt.setdefault(call, []).append(again)

    def insert(self, statement: cst.CSTNode, code: str, *, before: bool) -> None:
        """Put a line of code before or after a statement."""
        code = self.in_its_words(code)
        self._around.setdefault(statement, ([], []))[0 if before else 1].append(code)

    def expression(self, code: str) -> cst.BaseExpression:
        """The node of an expression, in the names that this file imports."""
        try:
            return cst.parse_expression(self.in_its_words(code), config=self.module.config_for_parsing)
        except cst.ParserSyntaxError as error:
            raise CannotEditError(f"`{code}` would not parse here") from error

    def statements(self, lines: Sequence[str]) -> list[Statement]:
        """The nodes of lines of code."""
        try:
            return [cst.parse_statement(line, config=self.module.config_for_parsing) for line in lines]
        except cst.ParserSyntaxError as error:
            raise CannotEditError("what is to be inserted would not parse here") from error

    def in_its_words(self, code: str) -> str:
        """Code that names `torch.nn` and `torch.nn.functional` in full, with the names that this file gave them."""
        text = self.module.code
        for full, patterns in (
            (
                "torch.nn.functional.",
                (
                    r"^\s*import torch\.nn\.functional as (\w+)",
                    r"^\s*from torch\.nn import (?:.*,\s*)?functional as (\w+)",
                    r"^\s*from torch\.nn import (?:.*,\s*)?(functional)\b(?! as)",
                ),
            ),
            (
                "torch.nn.",
                (
                    r"^\s*import torch\.nn as (\w+)",
                    r"^\s*from torch import (?:.*,\s*)?(nn)\b(?! as)",
                    r"^\s*from torch import (?:.*,\s*)?nn as (\w+)",
                ),
            ),
        ):
            for pattern in patterns:
                if (found := re.search(pattern, text, re.MULTILINE)) is not None:
                    code = code.replace(full, f"{found[1]}.")
                    break
        if re.search(r"\btorch\.", code) and not re.search(r"^\s*import torch\b(?! as|\.)", text, re.MULTILINE):
            renamed = re.search(r"^\s*import torch as (\w+)", text, re.MULTILINE)
            if renamed is None and not re.search(r"^\s*import torch\.\w+(?!.* as )", text, re.MULTILINE):
                raise CannotEditError("the file does not import torch by its name")
            code = re.sub(r"\btorch\.", f"{renamed[1]}.", code) if renamed else code
        return code


class _Rewriting(cst.CSTTransformer):
    """Carries the edits of a source out."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source

    def on_leave(  # type: ignore[override]
        self, original: cst.CSTNode, updated: cst.CSTNode
    ) -> cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[cst.CSTNode]:
        """What stands in the place of an original node."""
        replaced = self._source._replaced
        if original in replaced:
            new = replaced[original]
            if new is None:
                return self._gone(original)
            if isinstance(new, cst.FlattenSentinel):
                return new
            updated = new
        for again in self._source._rebuilt.get(original, ()):
            updated = again(updated) if isinstance(updated, cst.Call) else updated
        small = original.body if isinstance(original, cst.SimpleStatementLine) else ()
        alone = len(small) == 1 and small[0] in self._source._around
        if alone:
            return self._with_lines(updated, *self._source._around[small[0]])
        if original in self._source._around:
            before, after = self._source._around[original]
            if isinstance(original, cst.BaseCompoundStatement):
                return self._with_lines(updated, before, after)
            parent = self._source.parents[original]
            if isinstance(parent, (cst.SimpleStatementLine, cst.SimpleStatementSuite)) and not (
                isinstance(parent, cst.SimpleStatementLine) and len(parent.body) == 1
            ):  # a; b
                semicolon = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
                nodes = [*map(self._small, before), updated, *map(self._small, after)]
                end = updated.semicolon if isinstance(updated, cst.BaseSmallStatement) else semicolon
                joined = [node.with_changes(semicolon=semicolon) for node in nodes[:-1]]
                return cst.FlattenSentinel([*joined, nodes[-1].with_changes(semicolon=end)])
        return updated

    def _small(self, line: str) -> cst.BaseSmallStatement:
        (statement,) = self._source.statements([line])
        if not isinstance(statement, cst.SimpleStatementLine):
            raise CannotEditError("a block does not fit between semicolons")
        return statement.body[0]

    def _gone(self, original: cst.CSTNode) -> cst.CSTNode | cst.RemovalSentinel:
        """A block that would be empty keeps a `pass`."""
        if isinstance(original, cst.BaseSmallStatement):
            line = self._source.parents[original]
            block = self._source.parents.get(line)
            if (
                isinstance(line, (cst.SimpleStatementLine, cst.SimpleStatementSuite))
                and len(line.body) == 1
                and (not isinstance(block, (cst.IndentedBlock, cst.Module)) or len(block.body) == 1)
            ):
                return cst.Pass()
        return cst.RemovalSentinel.REMOVE

    def _with_lines(
        self, updated: cst.CSTNode, before: list[str], after: list[str]
    ) -> cst.FlattenSentinel[cst.CSTNode]:
        first, last = self._source.statements(before), self._source.statements(after)
        if first:  # blank lines and comments stay above what comes first
            first[0] = first[0].with_changes(leading_lines=updated.leading_lines)  # type: ignore[attr-defined]
            updated = updated.with_changes(leading_lines=())
        return cst.FlattenSentinel([*first, updated, *last])

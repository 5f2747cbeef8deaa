"""The network as a list from the data to the loss, with lines past the rows that a path skips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from headtorch.model import Finding
from headtorch.signals import LINEAR, Fit, place_of

MOST_ROWS = 240
ROW = 28  # pixels
LANE = 7  # pixels between two lines
MOST_LANES = 7


class GraphRow(NamedTuple):
    """One layer, or operation outside of layers: its depth in linear maps, its class, shape and parameters."""

    number: int
    depth: int | None
    kind: str
    name: str
    shape: str
    parameters: int
    findings: tuple[str, ...]
    history: str


class Skip(NamedTuple):
    """A path that passes rows by, from one row to another, in a lane beside them."""

    first: int
    last: int
    lane: int


class Graph(NamedTuple):
    """A network: its rows, the paths past them, its depth on the longest and the shortest way, what is left out."""

    rows: tuple[GraphRow, ...]
    skips: tuple[Skip, ...]
    depth: int
    shortest: int
    parameters: int
    untold: int

    @property
    def lanes(self) -> int:
        """How many lanes the skips take."""
        return max((skip.lane + 1 for skip in self.skips), default=0)

    @property
    def width(self) -> int:
        """The pixels left of the rows."""
        return self.lanes * LANE + 18

    @property
    def height(self) -> int:
        """The pixels of all rows."""
        return len(self.rows) * ROW

    def path(self, skip: Skip) -> str:
        """The line of a skip, as SVG has it."""
        right, left = self.width - 8, self.width - 8 - (skip.lane + 1) * LANE
        top, bottom = skip.first * ROW + ROW / 2, skip.last * ROW + ROW / 2
        bend = min(LANE, (bottom - top) / 2)
        return (
            f"M{right} {top:g}H{left + bend:g}Q{left} {top:g} {left} {top + bend:g}V{bottom - bend:g}"
            f"Q{left} {bottom:g} {left + bend:g} {bottom:g}H{right}"
        )

    @property
    def dots(self) -> str:
        """A dot at each row, as lines without length."""
        return "".join(f"M{self.width - 8} {row * ROW + ROW // 2}h0" for row in range(len(self.rows)))


def graph(fit: Fit, findings: Sequence[Finding]) -> Graph | None:
    """The network of a fit; None where its graph could not be read."""
    nodes = fit.network.nodes
    if not nodes:
        return None
    groups = _groups(fit)
    row_of = {number: row for row, group in enumerate(groups) for number in group}
    rows = []
    counted: set[int] = set()
    for row, group in enumerate(groups[:MOST_ROWS]):
        head = nodes[group[0]]
        maps = [number for number in group if nodes[number].weight is not None and nodes[number].op in LINEAR]
        last = nodes[group[-1]]
        owned = [p for p in fit.parameters if head.layer and p.name.rpartition(".")[0] == head.layer]
        weights = {nodes[number].weight for number in group} - {None}
        size = sum(math.prod(p.shape) for p in owned if p.id not in counted)
        counted |= {p.id for p in owned}
        rows.append(
            GraphRow(
                number=row,
                depth=fit.network.depths[maps[-1]] if maps else None,
                kind=head.module if head.layer and head.module else _operations(fit, group),
                name=head.layer,
                shape=" × ".join(map(str, last.shape)) if last.shape else "",
                parameters=size,
                findings=_told(fit, group, findings),
                history=_history(fit, group, weights),
            )
        )
    edges = {
        (row_of[source], row)
        for row, group in enumerate(groups[:MOST_ROWS])
        for number in group
        for source in nodes[number].inputs
        if row_of.get(source, row) < row - 1
    }
    total = sum(math.prod(p.shape) for p in fit.parameters)
    network, untold = fit.network, max(len(groups) - MOST_ROWS, 0)
    return Graph(tuple(rows), _lanes(edges), max(network.depths), network.shortest_path(), total, untold)


def _groups(fit: Fit) -> list[list[int]]:
    """The nodes in rows: those of one layer that follow one another are one."""
    groups: list[list[int]] = []
    for number, node in enumerate(fit.network.nodes):
        before = fit.network.nodes[groups[-1][-1]] if groups else None
        if before is not None and node.layer and (before.layer, before.module) == (node.layer, node.module):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _operations(fit: Fit, group: Sequence[int]) -> str:
    return " ".join(dict.fromkeys(fit.network.nodes[number].op for number in group))


def _told(fit: Fit, group: Sequence[int], findings: Sequence[Finding]) -> tuple[str, ...]:
    """The rules whose findings name this layer, or stand at the line and the columns that made or ran it."""
    layer = fit.network.nodes[group[0]].layer
    places = {place_of(fit.network.nodes[number]) for number in group}
    names = {name for name in (layer, *(p.name for p in fit.parameters if p.name.rpartition(".")[0] == layer)) if name}
    return tuple(
        dict.fromkeys(
            finding.rule
            for finding in findings
            if (finding.where is not None and finding.where in places)
            or any(evidence.layer in names for evidence in finding.saw if evidence.layer)
        )
    )


def _history(fit: Fit, group: Sequence[int], weights: set[int | None]) -> str:
    """The key of the layer's history, as in the strips."""
    matrices = [p.id for p in fit.parameters if p.id in weights and len(p.shape) >= 2]
    if matrices:
        return f"{fit.objective.id}-w{matrices[0]}"
    measured = [number for number in group if number in fit.objective.measured]
    return f"{fit.objective.id}-a{measured[0]}" if measured else ""


def _lanes(edges: set[tuple[int, int]]) -> tuple[Skip, ...]:
    """A lane for each edge, so that lines in one lane do not overlap; short ones lie nearest to the rows."""
    lanes: list[list[tuple[int, int]]] = []
    placed = []
    for first, last in sorted(edges, key=lambda edge: (edge[1] - edge[0], edge)):
        lane = next((n for n, taken in enumerate(lanes) if all(last <= a or first >= b for a, b in taken)), len(lanes))
        if lane == len(lanes):
            if lane == MOST_LANES:
                lane -= 1
            else:
                lanes.append([])
        lanes[lane].append((first, last))
        placed.append(Skip(first, last, lane))
    return tuple(placed)

"""Run: the read-only view of a run file, finished or growing. Needs no torch."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from headtorch.model import Finding, RunSummary, UserError, Where
from headtorch.store import db, tried
from headtorch.store.records import Module, Objective, Optimizer, Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Record = TypeVar("Record", Module, Objective, Optimizer, Parameter)


class Series(NamedTuple):
    """One quantity over time: `steps` (rows,) int64 ascending, `values` (rows, width) float32."""

    steps: NDArray[np.int64]
    values: NDArray[np.float32]

    def __bool__(self) -> bool:
        return len(self.steps) > 0

    def column(self, index: int = 0) -> NDArray[np.float32]:
        """One column of the values, (rows,)."""
        return self.values[:, index]


class Event(NamedTuple):
    """Something that happened once: its step, kind and details."""

    step: int
    kind: str
    value: dict[str, Any]


class Run:
    """A recorded run. Raises UserError when the file cannot be read as one.

    `known` is an earlier view of the same file: the series that it has read are only read on from there.
    """

    def __init__(self, path: Path, known: Run | None = None) -> None:
        self.path = path
        self._db = db.open_to_read(path)
        self._read_to: dict[tuple[str, int], tuple[int, Series]] = {}
        self._known: dict[tuple[str, int], tuple[int, Series]] = {}
        if known is not None:
            self._known = {**known._known, **known._read_to}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise UserError(f"cannot read '{self.path}': the file is damaged ({_sentence(error)})") from error

    def _decode(self, text: str, kind: Any = Any, strict: bool = True) -> Any:
        try:
            return msgspec.json.decode(text, type=kind, strict=strict)
        except msgspec.MsgspecError as error:
            raise UserError(f"cannot read '{self.path}': the file is damaged ({_sentence(error)})") from error

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is true of the whole run, by name."""
        return {key: self._decode(value) for key, value in self._rows("SELECT key, value FROM fact")}

    @cached_property
    def sources(self) -> dict[str, str]:
        """The text of the user's source files, by absolute path."""
        return dict(self._rows("SELECT file, text FROM source"))

    def _records(self, kind: str, struct: type[Record]) -> dict[int, Record]:
        rows = self._rows("SELECT id, value FROM record WHERE kind = ? ORDER BY id", (kind,))
        return {number: self._decode(value, struct) for number, value in rows}

    @cached_property
    def objectives(self) -> list[Objective]:
        """The objectives, in the order in which they first ran."""
        return list(self._records("objective", Objective).values())

    @cached_property
    def parameters(self) -> dict[int, Parameter]:
        """The parameters by id."""
        return self._records("parameter", Parameter)

    @cached_property
    def optimizers(self) -> dict[int, Optimizer]:
        """The optimizers by id."""
        return self._records("optimizer", Optimizer)

    @cached_property
    def modules(self) -> dict[int, Module]:
        """The called modules by id."""
        return self._records("module", Module)

    @cached_property
    def tried(self) -> list[Finding]:
        """The findings of which trials have shown something, see `store.tried`."""
        rows = self._rows("SELECT value FROM record WHERE kind = ? ORDER BY id", (tried.KIND,))
        return [self._decode(value, Finding, strict=False) for (value,) in rows]

    def events(self, kind: str) -> list[Event]:
        """The events of one kind in order."""
        rows = self._rows("SELECT step, kind, value FROM event WHERE kind = ? ORDER BY id", (kind,))
        return [Event(step, name, self._decode(value)) for step, name, value in rows]

    def stacks(self, kind: str) -> list[tuple[Where, ...]]:
        """The places of the events of one kind in order, each innermost first."""
        return [tuple(Where(**where) for where in event.value["where"]) for event in self.events(kind)]

    def series(self, quantity: str, owner: int = 0) -> Series:
        """A quantity of one objective (or optimizer) over all its steps; empty when it was never recorded."""
        key = (quantity, owner)
        if key not in self._read_to:
            self._read_to[key] = self._read(quantity, owner, *self._known.get(key, (0, None)))
        return self._read_to[key][1]

    def _read(self, quantity: str, owner: int, after: int, before: Series | None) -> tuple[int, Series]:
        """The number of the last block of a quantity and its series, of which `before` is what stands up to `after`."""
        import numpy as np

        rows = self._rows(
            "SELECT width, steps, samples, id FROM block WHERE quantity = ? AND owner = ? AND id > ? ORDER BY id",
            (quantity, owner, after),
        )
        if not rows:
            return after, before or Series(np.empty(0, np.int64), np.empty((0, 1), np.float32))
        width, last = rows[-1][0], rows[-1][3]
        try:
            steps = np.frombuffer(b"".join(row[1] for row in rows if row[0] == width), "<i8")
            values = np.frombuffer(b"".join(row[2] for row in rows if row[0] == width), "<f4")
            values = values.reshape(len(steps), width)
        except (TypeError, ValueError) as error:
            raise UserError(f"cannot read '{self.path}': the file is damaged ({quantity}: {error})") from error
        if before and before.values.shape[1] == width:
            return last, Series(np.concatenate([before.steps, steps]), np.concatenate([before.values, values]))
        return last, Series(steps, values)

    @cached_property
    def steps(self) -> int:
        """The number of backward passes."""
        return max((int(s.steps[-1]) + 1 for s in map(self._losses, self.objectives) if s), default=0)

    def _losses(self, objective: Objective) -> Series:
        return self.series("loss", objective.id)

    def summary(self) -> RunSummary:
        """What a list of runs says of this one."""
        facts = self.facts
        main = max(self.objectives, key=lambda objective: len(self._losses(objective).steps), default=None)
        losses: Any = self._losses(main).column() if main is not None else []
        started, ended = facts.get("started", 0.0), facts.get("ended")
        return RunSummary(
            file=str(self.path),
            script=str(facts.get("script", "")),
            arguments=tuple(facts.get("arguments", ())),
            started=started,
            seconds=ended - started if ended else None,
            ending=str(facts.get("ending", "running, or killed")),
            steps=self.steps,
            evaluations=int(facts.get("evaluations", 0)),
            parameters=len(self.parameters),
            layers=sum(node.weight is not None for objective in self.objectives for node in objective.nodes),
            first_loss=float(losses[0]) if len(losses) else None,
            last_loss=_median(losses[-max(10, len(losses) // 10) :]) if len(losses) else None,
            loss_curve=tuple(_thin(losses)),
            headtorch=str(facts.get("headtorch", "")),
            torch=facts.get("torch"),
            rank=int(facts.get("rank", 0)),
            ranks=int(facts.get("ranks", 1)),
        )


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())


def _median(values: Sequence[float]) -> float:
    import numpy as np

    return float(np.median(values))


def _thin(values: Any, points: int = 24) -> list[float]:
    """At most `points` means of equal stretches, for a sparkline."""
    import numpy as np

    if len(values) <= points:
        return [float(value) for value in values]
    return [float(np.mean(stretch)) for stretch in np.array_split(values, points)]


def list_runs(folder: Path) -> Iterator[tuple[Path, RunSummary | str]]:
    """The run files of a folder, newest first, each with its summary or a sentence saying why it cannot be read."""
    for path in sorted(folder.glob("*.htdb"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            run = Run(path)
            try:
                summary = run.summary()
            finally:
                run.close()
        except UserError as error:
            yield path, str(error)
        else:
            yield path, summary

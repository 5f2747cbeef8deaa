"""Run: the read-only view of a run file, finished or growing. Needs no torch."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from headtorch.model import Finding, RunSummary, UserError, Where
from headtorch.store import db, tried
from headtorch.store.continued import join_calls
from headtorch.store.packing import last_step, unpack
from headtorch.store.records import Module, Objective, Optimizer, Parameter
from headtorch.store.resumed import Joined, Resume, join

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OF_OPTIMIZERS = ("learning_rate", "scheduled")  # what is recorded under the number of an optimizer
OF_PARAMETERS = ("initial_weight",)  # and of a parameter; all else is under that of an objective
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
        self._packed = self._rows("SELECT value FROM fact WHERE key = 'packed'")
        if known is not None and known._packed == self._packed:  # else rows that it read are elsewhere now, or gone
            self._known = {**known._known, **known._read_to}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, values).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter of a message with a damaged name
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
    def resumes(self) -> list[Resume]:
        """The resumes of the run, in order."""
        rows = self._rows("SELECT value FROM fact WHERE key = 'resumed'")
        found: list[Resume] = self._decode(rows[0][0], list[Resume]) if rows else []
        return found

    @cached_property
    def _joined(self) -> Joined:
        objectives = self._records("objective", Objective)
        joined = join(
            self.resumes,
            objectives,
            self._records("parameter", Parameter),
            self._records("optimizer", Optimizer),
            self._records("module", Module),
        )
        if len(joined.objectives) < 2:
            return joined
        steps = {number: self._series("loss", number).steps for number in objectives}
        followed: dict[int, frozenset[int]] = {}
        for event in self._events("follows"):
            number = event.value["objective"]
            followed[number] = followed.get(number, frozenset()) | {event.value["optimizer"]}
        return join_calls(joined, {n: (each[0], each[-1]) for n, each in steps.items() if len(each)}, followed)

    @property
    def next_number(self) -> int:
        """The least number that no objective, parameter, optimizer or module has."""
        last = self._rows("SELECT MAX(id) FROM record WHERE kind <> ?", (tried.KIND,))[0][0]
        return 0 if last is None else int(last) + 1

    @property
    def objectives(self) -> list[Objective]:
        """The objectives, in the order in which they first ran."""
        return self._joined.objectives

    @property
    def parameters(self) -> dict[int, Parameter]:
        """The parameters by id."""
        return self._joined.parameters

    @property
    def optimizers(self) -> dict[int, Optimizer]:
        """The optimizers by id."""
        return self._joined.optimizers

    @property
    def modules(self) -> dict[int, Module]:
        """The called modules by id."""
        return self._joined.modules

    @cached_property
    def tried(self) -> list[Finding]:
        """The findings of which trials have shown something, see `store.tried`."""
        rows = self._rows("SELECT value FROM record WHERE kind = ? ORDER BY id", (tried.KIND,))
        return [self._decode(value, Finding, strict=False) for (value,) in rows]

    def events(self, kind: str) -> list[Event]:
        """The events of one kind in order."""
        events = self._events(kind)
        for event in events:
            if "objective" in event.value:
                event.value["objective"] = self._joined.now.get(event.value["objective"], event.value["objective"])
        return events

    def _events(self, kind: str) -> list[Event]:
        """The events of one kind as they were recorded."""
        rows = self._rows("SELECT step, kind, value FROM event WHERE kind = ? ORDER BY id", (kind,))
        return [Event(step, name, self._decode(value)) for step, name, value in rows]

    def stacks(self, kind: str) -> list[tuple[Where, ...]]:
        """The places of the events of one kind in order, each innermost first."""
        return [tuple(Where(**where) for where in event.value["where"]) for event in self.events(kind)]

    def series(self, quantity: str, owner: int = 0) -> Series:
        """A quantity of one objective (or optimizer) over all its steps; empty when it was never recorded."""
        import numpy as np

        if quantity in OF_OPTIMIZERS:
            return self._series(quantity, owner)
        if quantity in OF_PARAMETERS:
            return self._series(quantity, self._joined.first.get(owner, owner))
        numbers = self._joined.parts.get(owner, (owner,))
        if len(numbers) == 1:
            return self._series(quantity, owner)
        parts = [self._series(quantity, part) for part in numbers]
        parts = [part for part in parts if part] or parts[:1]
        alike = [part for part in parts if part.values.shape[1] == parts[-1].values.shape[1]]
        return Series(np.concatenate([part.steps for part in alike]), np.concatenate([part.values for part in alike]))

    def _series(self, quantity: str, owner: int) -> Series:
        """A quantity as it was recorded under one number."""
        key = (quantity, owner)
        if key not in self._read_to:
            self._read_to[key] = self._read(quantity, owner, *self._known.get(key, (0, None)))
        return self._read_to[key][1]

    def _read(self, quantity: str, owner: int, after: int, before: Series | None) -> tuple[int, Series]:
        """The number of the last block of a quantity and its series, of which `before` is what stands up to `after`."""
        import numpy as np

        # In one query, so that what is just being packed is read once. Blocks have no number of `rows`.
        packed = "SELECT 0, id, width, rows, steps, samples FROM packed WHERE quantity = ?1 AND owner = ?2 AND ?3 = 0"
        blocks = "SELECT 1, id, width, NULL, steps, samples FROM block WHERE quantity = ?1 AND owner = ?2 AND id > ?3"
        query = f"{packed} UNION ALL {blocks} ORDER BY 1, 2" if self._packed else f"{blocks} ORDER BY 2"
        rows = self._rows(query, (quantity, owner, after))
        if not rows:
            return after, before or Series(np.empty(0, np.int64), np.empty((0, 1), np.float32))
        is_block, last, width = rows[-1][:3]
        try:
            parts = [_part(*row[2:]) for row in rows if row[2] == width]
            steps = np.concatenate([part.steps for part in parts])
            values = np.concatenate([part.values for part in parts])
        except (TypeError, ValueError) as error:
            raise UserError(f"cannot read '{self.path}': the file is damaged ({quantity}: {error})") from error
        if not is_block:
            last = 0  # all is packed: the next look begins anew
        if before and after and before.values.shape[1] == width:
            return last, Series(np.concatenate([before.steps, steps]), np.concatenate([before.values, values]))
        return last, Series(steps, values)

    @cached_property
    def steps(self) -> int:
        """The number of backward passes."""
        newest = "{0} WHERE id IN (SELECT MAX(id) FROM {0} WHERE quantity = 'loss' GROUP BY owner)"
        rows = self._rows("SELECT steps, NULL FROM " + newest.format("block"))
        if self._packed:
            rows += self._rows("SELECT steps, rows FROM " + newest.format("packed"))
        try:
            return max((last_step(*row) + 1 for row in rows), default=0)
        except (TypeError, ValueError, zlib.error) as error:
            raise UserError(f"cannot read '{self.path}': the file is damaged (loss: {error})") from error

    def _losses(self, objective: Objective) -> Series:
        return self.series("loss", objective.id)

    def _seconds(self, started: float, ended: float) -> float:
        """How long it ran, without the pauses before each resume."""
        begins = [started, *(resume.began for resume in self.resumes)]
        ends = [*(resume.ended for resume in self.resumes), ended]
        return sum(max(end - begin, 0.0) for begin, end in zip(begins, ends, strict=True))

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
            seconds=self._seconds(started, ended) if ended else None,
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


def _part(width: int, rows: int | None, steps: bytes, samples: bytes) -> Series:
    """A row of the tables `packed` and `block`."""
    import numpy as np

    if rows is not None:
        return Series(unpack(steps, "<i8", rows, 1)[:, 0], unpack(samples, "<f4", rows, width))
    at = np.frombuffer(steps, "<i8")
    return Series(at, np.frombuffer(samples, "<f4").reshape(len(at), width))


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

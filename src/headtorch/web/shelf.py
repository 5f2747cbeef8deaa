"""Shelf: the run files that a server shows, by the keys they have in addresses."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from headtorch.model import RunSummary, UserError
from headtorch.rules import Rule
from headtorch.store.run import Run
from headtorch.web.look import Looker
from headtorch.web.watched import Stamp, Watched, running

KEPT = 6  # runs of which what was read is kept


class Listed(NamedTuple):
    """A run as a list shows it; `trouble` says why it cannot be read."""

    key: str
    path: Path
    summary: RunSummary | None
    detail: str = ""
    running: bool = False
    trouble: str = ""


class Shelf:
    """The run files that were named, and those of a folder as they come."""

    def __init__(self, folder: Path, named: Sequence[Path], rules: tuple[Rule, ...]) -> None:
        self.folder = folder
        self.named = [path.resolve() for path in named]
        self._looker = Looker([rule.name for rule in rules])
        # One diagnosis at a time, however many pages are open: the training needs the processor.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="headtorch-look")
        self._keys: dict[Path, str] = {}
        self._watched: OrderedDict[str, Watched] = OrderedDict()
        self._listed: dict[Path, tuple[Stamp, Listed]] = {}
        self._lock = threading.Lock()
        for path in self.named:
            self.key(path)

    def key(self, path: Path) -> str:
        """The key of a run file: its name, with a number where another has the same."""
        path = path.resolve()
        if path not in self._keys:
            stem = re.sub(r"[^\w.-]", "_", path.name.removesuffix(".htdb")) or "run"
            taken, name, number = set(self._keys.values()), stem, 1
            while name in taken:
                number += 1
                name = f"{stem}~{number}"
            self._keys[path] = name
        return self._keys[path]

    def paths(self) -> list[Path]:
        """All run files, newest first."""
        found = {path.resolve() for path in self.folder.glob("*.htdb")} | set(self.named)
        present = [(path.stat().st_mtime, path) for path in found if path.is_file()]
        return [path for _, path in sorted(present, reverse=True)]

    def get(self, key: str) -> Watched | None:
        """The run of a key; None where there is none."""
        with self._lock:
            if key not in set(self._keys.values()):
                for path in self.paths():
                    self.key(path)
            found = [path for path, name in self._keys.items() if name == key]
            if not found:
                return None
            if key not in self._watched:
                self._watched[key] = Watched(key, found[0], self._looker, self._executor)
            self._watched.move_to_end(key)
            # Diagnoses are small and kept; series are not.
            for other in list(self._watched.values())[:-KEPT]:
                other.forget()
            return self._watched[key]

    def listed(self) -> list[Listed]:
        """What a list of the runs shows, running ones first."""
        rows = [self._row(path) for path in self.paths()]
        return sorted(rows, key=lambda row: not row.running)

    def _row(self, path: Path) -> Listed:
        key = self.key(path)
        watched = self.get(key)
        assert watched is not None
        stamp = watched.stamp()
        before = self._listed.get(path)
        if before is not None and before[0] == stamp and not before[1].running:
            return before[1]
        try:
            run = Run(path)
            try:
                row = Listed(key, path, run.summary(), str(run.facts.get("detail", "")), running(run))
            finally:
                run.close()
        except UserError as error:
            row = Listed(key, path, None, trouble=str(error))
        self._listed[path] = stamp, row
        return row

    def close(self) -> None:
        """Let go of everything."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._looker.close()
        for watched in self._watched.values():
            watched.forget()

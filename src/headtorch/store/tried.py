"""Tried: what trials have shown of a run's findings, kept in its file, so that every later report can say so."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from headtorch.model import Finding

KIND = "tried"  # of records; they are findings


def keep(path: Path, findings: Sequence[Finding]) -> None:
    """Write findings with what was tried of them into the file of a run. Raises sqlite3.Error where it cannot."""
    # Rules compute with NumPy, whose numbers may stand in a finding.
    plain = [msgspec.to_builtins(finding, enc_hook=float) for finding in findings]
    texts = [msgspec.json.encode(_spelled(finding)).decode() for finding in plain]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM record WHERE kind = ?", (KIND,))
        db.executemany("INSERT INTO record VALUES (?, ?, ?)", [(KIND, n, text) for n, text in enumerate(texts)])


def _spelled(value: Any) -> Any:
    """With the numbers that JSON does not have in words."""
    if isinstance(value, dict):
        return {name: _spelled(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

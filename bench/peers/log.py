"""The log of a training, for tools that read one."""

from __future__ import annotations

import contextlib
import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.peers.attach import Training


class Log:
    """What each step logs: its loss, rate and gradient norm, and the held-out loss where there is one."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._rows: list[tuple[object, ...]] = []
        self._norm = 0.0
        training.before_update(self._before)
        training.after_update(self._after)

    def _before(self) -> None:
        self._norm = self._training.gradient_norm()

    def _after(self) -> None:
        t = self._training
        self._rows.append((t.step, t.loss, t.rate, self._norm, "" if t.held_out is None else t.held_out))

    @contextlib.contextmanager
    def file(self) -> Iterator[str]:
        """The log as a CSV file, in a folder of its own."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "metrics.csv")
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                held_out = any(row[4] != "" for row in self._rows)
                names = ["step", "train_loss", "lr", "grad_norm", "val_loss"]
                writer.writerow(names if held_out else names[:4])
                writer.writerows(row if held_out else row[:4] for row in self._rows)
            yield str(path)

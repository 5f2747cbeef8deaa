"""Monitor: keeps the progress line of a running training up to date, from a thread of its own.

The findings so far come from the run file, as they will at the end. Each look takes its time from the training, so the
pause before the next one is a hundred times as long as the last one took.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Protocol

from headtorch.render.progress import Progress

SHOW_EVERY = 0.5  # seconds
FIRST_LOOK = 10.0  # seconds
PATIENCE = 100.0  # pauses are this many times as long as looks


class Training(Protocol):
    """What is watched: how far it is, and where it is recorded."""

    @property
    def path(self) -> Path:
        """The run file."""

    @property
    def steps(self) -> int:
        """Backward passes so far."""

    @property
    def loss(self) -> float | None:
        """The last loss, where it is known without waiting for a device."""


class Monitor:
    """Shows the progress of a training until `stop`."""

    def __init__(self, training: Training, progress: Progress) -> None:
        self._training = training
        self._progress = progress
        self._findings = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headtorch-monitor", daemon=True)
        if progress.shows:
            self._thread.start()

    def stop(self) -> None:
        """Show nothing any more."""
        self._done.set()
        self._progress.close()

    def _run(self) -> None:
        next_look = time.monotonic() + FIRST_LOOK
        while not self._done.wait(SHOW_EVERY):
            if time.monotonic() >= next_look:
                start = time.monotonic()
                self._look()
                next_look = time.monotonic() + max(FIRST_LOOK, PATIENCE * (time.monotonic() - start))
            if self._training.steps:
                self._progress.update(self._training.steps, self._training.loss, self._findings)

    def _look(self) -> None:
        from headtorch.diagnose import diagnose

        try:
            report, _ = diagnose(self._training.path)
            self._findings = sum(finding.role == "cause" and finding.severity != "note" for finding in report.findings)
        except Exception:  # a look that fails is no news; the diagnosis at the end will say what is wrong
            return

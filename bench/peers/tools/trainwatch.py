"""`Watcher()` with `step(loss)` at each step; an epoch ends where a held-out loss is computed, else every 50 steps."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("trainwatch==0.1.0",)
GROUP = "readers"


def watch(training: Training) -> Callable[[], Said]:
    from trainwatch import Watcher

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        watcher = Watcher()

    def log() -> None:
        with contextlib.redirect_stdout(printed):
            watcher.step(loss=training.loss)
            if training.held_out is not None or training.step % 50 == 49:
                watcher.epoch_end()

    training.after_update(log)
    return lambda: [line for line in printed.getvalue().splitlines() if "WARNING" in line]

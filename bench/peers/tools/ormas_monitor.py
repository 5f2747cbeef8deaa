"""`Monitor(model, optimizer)` with its defaults, `step(loss)` before each update."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("ormas-monitor==0.2.3",)


def watch(training: Training) -> Callable[[], Said]:
    from ormas_monitor import Monitor

    said: list[str] = []

    def sink(kind: str, event: dict[str, object]) -> None:
        if kind == "event" and event.get("severity") in ("warning", "critical", "proof"):
            said.append(f"{event['event']} {event.get('diagnosis', '')}".strip())

    folder = tempfile.TemporaryDirectory()
    monitor = Monitor(training.model, training.optimizer, out=folder.name, sinks=[sink], verbose=False)
    training.before_update(lambda: monitor.step(training.loss))

    def tell() -> Said:
        monitor.close()
        folder.cleanup()
        return said

    return tell

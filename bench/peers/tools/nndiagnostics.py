"""`register_inf_check_hooks(model)`; its statistics name nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("nndiagnostics==0.1.9",)
GROUP = "readers"


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "is not finite" in record.getMessage():
            self.messages.append(record.getMessage())


def watch(training: Training) -> Callable[[], Said]:
    from diagnostics import register_inf_check_hooks

    kept = _Kept()
    logging.getLogger().addHandler(kept)
    register_inf_check_hooks(training.model)
    return lambda: kept.messages[:1]

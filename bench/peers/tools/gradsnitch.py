"""`watch(model, optimizer)` with `log(step, loss, val_loss)` after backward, its verdicts at the end."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("gradsnitch==0.1.0",)
GROUP = "readers"


def watch(training: Training) -> Callable[[], Said]:
    import gradsnitch

    monitor = gradsnitch.watch(training.model, training.optimizer, check_every=50)
    training.before_update(lambda: monitor.log(training.step, training.loss, val_loss=training.held_out))
    return lambda: [f"{each.code} {each.name}" for each in monitor.report() or []]

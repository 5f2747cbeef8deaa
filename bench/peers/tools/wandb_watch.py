"""`wandb.watch(model, log="all", log_freq=100)` offline, the loss logged at each step."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("wandb==0.31.0",)
NAMES = False


def watch(training: Training) -> Callable[[], Said]:
    import wandb

    run = wandb.init(mode="offline", settings=wandb.Settings(console="off", silent=True))
    run.watch(training.model, log="all", log_freq=100)
    training.after_update(lambda: run.log({"loss": training.loss}))

    def tell() -> Said:
        run.finish()
        return []

    return tell

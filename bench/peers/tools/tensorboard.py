"""`SummaryWriter`: the loss at each step, histograms of all weights and gradients at each hundredth."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("tensorboard==2.21.0",)
NAMES = False


def watch(training: Training) -> Callable[[], Said]:
    from torch.utils.tensorboard import SummaryWriter

    folder = tempfile.TemporaryDirectory()
    writer = SummaryWriter(folder.name)

    def log() -> None:
        writer.add_scalar("loss", training.loss, training.step)
        if training.step % 100 == 0:
            for name, parameter in training.model.named_parameters():
                writer.add_histogram(name, parameter, training.step)
                if parameter.grad is not None:
                    writer.add_histogram(f"{name}.grad", parameter.grad, training.step)

    training.before_update(log)

    def tell() -> Said:
        writer.close()
        folder.cleanup()
        return []

    return tell

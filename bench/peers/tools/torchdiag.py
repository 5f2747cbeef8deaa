"""`check_gradients` before the update and `check_dead_neurons` on the batch, at the first step and each 50th."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("torchdiag==0.1.0",)
GROUP = "readers"


def watch(training: Training) -> Callable[[], Said]:
    import torch
    import torchdiag

    said: list[str] = []

    def check() -> None:
        if training.step % 50:
            return
        for each in torchdiag.check_gradients(training.model).values():
            if each["status"] != "OK":
                said.append(f"gradient {each['status']}")
        if isinstance(training.inputs, torch.Tensor):
            mode = training.model.training
            dead = torchdiag.check_dead_neurons(training.model, training.inputs)
            training.model.train(mode)
            if any(each["dead_pct"] > 20 for each in dead.values()):
                said.append("dead neurons")

    training.before_update(check)
    return lambda: said

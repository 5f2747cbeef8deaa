"""`check_model` on the first batch, with the loss function and the optimizer; the script is not run further."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Enough, Said, Training

PACKAGES = ("torchtest2==0.1.0",)
STEPS = 0  # it looks at one batch


def watch(training: Training) -> Callable[[], Said]:
    from torchtest2 import Status, check_model

    said: list[str] = []

    def check() -> None:
        if said:
            raise Enough
        report = check_model(
            training.model,
            training.inputs,
            training.targets if training.loss_function else None,
            loss_fn=training.loss_function,
            optimizer=training.optimizer,
        )
        said.append("")
        for result in report.results:
            if result.status in (Status.FAIL, Status.WARN):
                said.append(f"{result.name}: {result.message}")
        raise Enough

    training.before_update(check)
    return lambda: [each for each in said if each]

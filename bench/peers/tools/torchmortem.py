"""`Autopsy(model, optimizer)` around the training, `autopsy.step(loss)` after each step, its report at the end."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("torchmortem==0.1.1",)


def watch(training: Training) -> Callable[[], Said]:
    from torchmortem import Autopsy
    from torchmortem.types import Severity

    autopsy = Autopsy(training.model, optimizer=training.optimizer)
    autopsy.attach()
    training.after_update(lambda: autopsy.step(loss=training.loss))

    def tell() -> Said:
        autopsy.detach()
        report = autopsy.get_report()
        if report is None:
            return []
        serious = [finding.title for finding in report.findings if finding.severity >= Severity.WARNING]
        return serious + [insight.title for insight in report.insights]

    return tell

"""`autopatch(model, optimizer)` with static and initial checks, each step audited (its README: one in 1,000)."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("torch-audit==0.3.0",)


def watch(training: Training) -> Callable[[], Said]:
    from torch_audit import Severity, autopatch

    auditor = autopatch(
        training.model,
        optimizer=training.optimizer,
        every_n_steps=1,
        reporters=[],
        fail_level="ERROR",
        run_static=True,
        run_init=True,
    )

    def tell() -> Said:
        findings = auditor.finish(report=False).findings
        return [f"{each.rule_id} {each.message}" for each in findings if each.severity >= Severity.WARN]

    return tell

"""`Doctor()` with its four recommended metrics at each step: loss, rate, gradient norm, and held-out loss."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("training-doctor==0.1.0",)
GROUP = "readers"


def watch(training: Training) -> Callable[[], Said]:
    from training_doctor import Doctor
    from training_doctor.diagnosis import Severity

    doctor = Doctor()
    norms: list[float] = []
    training.before_update(lambda: norms.append(training.gradient_norm()))

    def log() -> None:
        held_out = {} if training.held_out is None else {"eval_loss": training.held_out}
        doctor.log(step=training.step, loss=training.loss, lr=training.rate, grad_norm=norms[-1], **held_out)

    training.after_update(log)
    return lambda: [each.problem for each in doctor.diagnoses if each.severity is not Severity.INFO]

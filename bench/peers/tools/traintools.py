"""Its quick start: `BatchInspector`, `GradientHealthMonitor(max_grad_norm=1.0)` and, after it, `TraintoolsTracker`."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers.attach import Said, Training

PACKAGES = ("traintools==0.6.2",)


def watch(training: Training) -> Callable[[], Said]:
    import torch
    from traintools import BatchInspector, GradientHealthMonitor
    from traintools.callbacks.pytorch import TraintoolsTracker

    batches, gradients = BatchInspector(), GradientHealthMonitor(max_grad_norm=1.0)
    tracker = TraintoolsTracker(training.model, training.loss_function, verbose=False)
    said: dict[str, None] = {}

    def before() -> None:
        if isinstance(training.inputs, torch.Tensor):
            said.update(dict.fromkeys(batches.inspect(training.inputs, training.targets, step=training.step).warnings))
        report = gradients.inspect(training.model, step=training.step, lr=training.rate)
        said.update(dict.fromkeys(report.warnings))

    def after() -> None:
        known = isinstance(training.inputs, torch.Tensor) and training.loss_function is not None
        inputs, targets = (training.inputs, training.targets) if known else (None, None)
        decision = tracker.step(step=training.step, inputs=inputs, targets=targets, val_loss=training.held_out)
        if decision and decision.should_stop:
            said["TrainGuard: stop"] = None

    training.before_update(before)
    training.after_update(after)

    def tell() -> Said:
        critical = [name for result in tracker.plasticity_history.results for name in result.critical_layers]
        return [*said, *(f"plasticity critical in {name}" for name in dict.fromkeys(critical))]

    return tell

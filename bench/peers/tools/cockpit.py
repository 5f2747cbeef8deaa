"""`Cockpit` at its cheapest setting, "economy", written into the loop as its tutorial does: it cannot be attached."""

from __future__ import annotations

from bench.nets import Task, turns

PACKAGES = ("cockpit-for-pytorch==1.0.2", "setuptools==80.9.0")  # the last setuptools with pkg_resources
NAMES = False
STEPS = 10  # the most that are timed: each takes seconds


def loop(task: Task) -> None:
    import warnings

    warnings.filterwarnings("ignore")
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration
    from torch import nn

    model = extend(task.model)
    criterion = extend(nn.CrossEntropyLoss())
    each = extend(nn.CrossEntropyLoss(reduction="none"))
    plane = Cockpit(model.parameters(), quantities=configuration("economy"))

    def step(number: int) -> None:
        inputs, targets = task.examples(number)
        task.optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        details = {
            "batch_size": task.batch,
            "individual_losses": each(outputs, targets),
            "loss": loss,
            "optimizer": task.optimizer,
        }
        with plane(number, info=details):
            loss.backward(create_graph=plane.create_graph(number))
        task.optimizer.step()

    turns(step)

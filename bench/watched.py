"""The training of nets.py, watched by another tool as its own documentation says: `watched.py TOOL NAME`."""

from __future__ import annotations

import sys
import warnings

import torch
from nets import TASKS, Task, turns
from torch import nn

warnings.filterwarnings("ignore")


def torchmortem(task: Task) -> None:
    from torchmortem import Autopsy

    criterion = nn.CrossEntropyLoss()
    with Autopsy(task.model, optimizer=task.optimizer) as autopsy:

        def step(number: int) -> None:
            inputs, targets = task.examples(number)
            task.optimizer.zero_grad()
            loss = criterion(task.model(inputs), targets)
            loss.backward()
            task.optimizer.step()
            autopsy.step(loss=loss.item())

        turns(step)


def cockpit(task: Task) -> None:
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration

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


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    {"torchmortem": torchmortem, "cockpit": cockpit}[sys.argv[1]](TASKS[sys.argv[2]]())

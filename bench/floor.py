"""What looking at every step costs at least, in Python: `python -m bench.floor [STEPS]`.

The MLP of `nets.py` trains, and at every other block of steps no more is done than to take aside what all quantities of
a step are computed from: the input, what the loss compares, the outputs of the non-linearities, and a few thousand
numbers of each weight, of each gradient and of each layer's output gradient, in pieces of one cache line, through views
that are worked out once. Nothing is computed, named, compared or written.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch

from bench.nets import TASKS

ROW = 4096  # elements of one tensor
LINE = 16  # elements that lie in one cache line
BLOCK = 20  # steps with and without


class Aside:
    """The copies of one step of a network of dense layers and ReLUs, into memory that is there already."""

    def __init__(self, model: torch.nn.Module, batch: torch.Tensor) -> None:
        self._parameters = list(model.parameters())
        self._weights = [_part(weight.detach()) for weight in self._parameters]
        self._kept = [torch.empty_like(part) for part in self._weights * 2]
        self._input = torch.empty_like(batch)
        self._room: dict[tuple[str, int], torch.Tensor] = {}
        self._hooks: list[Any] = []

    def before_backward(self, batch: torch.Tensor, loss: torch.Tensor) -> None:
        """Copy all that there is before backward; the layers' gradients as they come."""
        taken: list[torch.Tensor] = []
        places: list[torch.Tensor] = []
        for number, (name, node) in enumerate(_nodes(loss)):
            found: Sequence[torch.Tensor] = ()
            match name:
                case "AddmmBackward0":
                    self._hooks.append(node.register_prehook(partial(self._gradient, number)))
                case "ReluBackward0":
                    found = (node._saved_result,)
                case "NllLossBackward0":
                    found = (node._saved_self, node._saved_target)
            for which, tensor in enumerate(found):
                taken.append(tensor.detach())
                places.append(self._place(f"{name} {which}", number, tensor))
        with torch.no_grad():
            torch._foreach_copy_(places, taken)
            torch._foreach_copy_(self._kept[: len(self._weights)], self._weights)
            self._input.copy_(batch)

    def after_backward(self) -> None:
        """Copy the gradients."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        gradients = [_part(each.grad) for each in self._parameters if each.grad is not None]
        torch._foreach_copy_(self._kept[len(self._weights) :], gradients)

    def _gradient(self, number: int, incoming: Sequence[torch.Tensor]) -> None:
        part = _part(incoming[0])
        self._place("gradient", number, part).copy_(part)

    def _place(self, name: str, number: int, like: torch.Tensor) -> torch.Tensor:
        if (name, number) not in self._room:
            self._room[name, number] = torch.empty_like(like, memory_format=torch.contiguous_format)
        return self._room[name, number]


def _part(tensor: torch.Tensor) -> torch.Tensor:
    """At most a row of a contiguous tensor, in pieces of a cache line, as a view."""
    size = tensor.numel()
    if size <= ROW:
        return tensor.view(-1)
    return tensor.as_strided((ROW // LINE, LINE), (size // ROW * LINE, 1))


def _nodes(loss: torch.Tensor) -> Iterator[tuple[str, Any]]:
    """The graph behind a loss, each node once."""
    waiting, seen = [loss.grad_fn], {loss.grad_fn}
    while waiting:
        node = waiting.pop()
        assert node is not None
        yield node.name(), node
        fresh = [each for each, _ in node.next_functions if each is not None and each not in seen]
        seen.update(fresh)
        waiting += fresh


def main() -> None:
    """Train, and print what the copies add."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    torch.set_num_threads(1)
    torch.manual_seed(0)
    task = TASKS["mlp"]()
    criterion = torch.nn.CrossEntropyLoss()
    aside = Aside(task.model, task.examples(0)[0])
    blocks: list[list[float]] = [[] for _ in range(2 * max(1, steps // (2 * BLOCK)))]
    for step in range(len(blocks) * BLOCK):
        copies = step // BLOCK % 2 == 1
        inputs, targets = task.examples(step)
        start = time.thread_time()
        task.optimizer.zero_grad()
        loss = criterion(task.model(inputs), targets)
        if copies:
            aside.before_backward(inputs, loss)
        loss.backward()
        if copies:
            aside.after_backward()
        task.optimizer.step()
        blocks[step // BLOCK].append(time.thread_time() - start)
    medians = [median(block) for block in blocks]
    ratios = [beside / alone for alone, beside in zip(medians[::2], medians[1::2], strict=True)]
    print(f"a step alone {1e3 * median(medians[::2]):.2f} ms; with the copies {median(ratios):.3f} of that")


if __name__ == "__main__":
    main()

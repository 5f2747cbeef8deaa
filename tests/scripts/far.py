"""A training on a device that notes who waits for it.

Every operation of the device runs on the CPU, on the `near` tensor behind one that says it lies on "lazy:0": the only
device besides the CPU whose gradients PyTorch computes without a thread for it. A real accelerator waits where a value
comes to the CPU, where the size of a result depends on values, and where memory that is not pinned is copied to it.
Prints, as JSON, by the file of headtorch that waits ("" for the script itself), the steps in which it does.
"""

from __future__ import annotations

import collections
import json
import sys

import torch
from torch import nn
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only

FAR = torch.device("lazy:0")
OURS = "/headtorch/record/"
READS = {"_local_scalar_dense", "equal", "is_nonzero", "nonzero", "masked_select", "_unique2", "bincount"}
waits: dict[str, list[int]] = collections.defaultdict(list)
asked: collections.Counter[str] = collections.Counter()
step = -1


class Far(torch.Tensor):
    """A tensor on the device."""

    @staticmethod
    def __new__(cls, near):
        return torch.Tensor._make_wrapper_subclass(
            cls, near.shape, near.stride(), near.storage_offset(), dtype=near.dtype, device=FAR
        )

    def __init__(self, near):
        self.near = near

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        to = torch.device(kwargs["device"]) if kwargs.get("device") is not None else None
        by = asker()
        asked[by] += 1
        if waits_for(operation, args, kwargs, to):
            waits[by].append(step)
        if to == FAR:
            kwargs["device"] = "cpu"
        result = operation(*near(args), **near(kwargs))
        if isinstance(result, torch.Tensor) and (
            (to is not None and to != FAR) or (operation is torch.ops.aten.copy_.default and type(args[0]) is not Far)
        ):
            return result
        result = tree_map_only(torch.Tensor, lambda t: t if isinstance(t, Far) else Far(t), result)
        return return_and_correct_aliasing(operation, args, kwargs, result)


def near(values):
    return tree_map_only(Far, lambda t: t.near, values)


def asker() -> str:
    """The file of headtorch in whose name an operation runs, "" for none."""
    frame = sys._getframe(2)
    while frame is not None:
        if OURS in frame.f_code.co_filename:
            return frame.f_code.co_filename.rpartition(OURS)[2]
        frame = frame.f_back
    return ""


def waits_for(operation, args, kwargs, to) -> bool:
    name = operation.overloadpacket.__name__
    if name in ("_to_copy", "copy_"):
        ends = {args[0].device, args[1].device if name == "copy_" else to or args[0].device}
        blocks = not (kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2]))
        return len(ends) > 1 and blocks
    places = [t for t in tree_flatten(args[1:2])[0] if isinstance(t, torch.Tensor)] if name.startswith("index") else []
    return name in READS or any(t.device != FAR or t.dtype == torch.bool for t in places)


@torch.library.impl("aten::empty.memory_format", "Lazy")
def empty(size, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
    return Far(torch.empty(size, dtype=dtype))


@torch.library.impl("aten::empty_strided", "Lazy")
def empty_strided(size, stride, dtype=None, layout=None, device=None, pin_memory=None):
    return Far(torch.empty_strided(size, stride, dtype=dtype))


def moved(module: nn.Module) -> nn.Module:
    """A module with its parameters and buffers on the device."""
    for each in module.modules():
        for name, parameter in each._parameters.items():
            each._parameters[name] = None if parameter is None else nn.Parameter(Far(parameter.data))
        for name, buffer in each._buffers.items():
            each._buffers[name] = Far(buffer)
    return module


class Net(nn.Module):
    """A convolution and dense layers, one of which every other step leaves out."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
        self.first = nn.Linear(288, 32)
        self.second = nn.Linear(32, 32)
        self.last = nn.Linear(32, 10)

    def forward(self, x):
        h = torch.tanh(self.first(self.features(x)))
        if step % 2 == 0:
            h = torch.nn.functional.gelu(self.second(h))
        return self.last(h)


def main() -> None:
    global step
    torch.manual_seed(0)
    net = moved(Net())
    inputs, targets = torch.randn(64, 1, 8, 8), torch.randint(10, (64,))
    inputs, targets = Far(inputs), Far(targets)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40)
    criterion = nn.CrossEntropyLoss()
    for step in range(40):
        optimizer.zero_grad()
        scores = net(inputs)
        loss = criterion(scores, targets) + 1e-3 * (net.last.weight - net.last.bias[:, None]).abs().mean()
        loss = loss + nn.functional.margin_ranking_loss(scores[:, 0], scores[:, 1], 2.0 * (targets == 0) - 1)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        nn.utils.clip_grad_value_(net.parameters(), 0.1)
        optimizer.step()
        schedule.step()
        if step % 10 == 9:
            net.eval()
            with torch.no_grad():
                criterion(net(inputs), targets).item()
            net.train()
    step = -1
    print(json.dumps({"waits": waits, "asked": asked, "loss": float(loss.detach())}))


if __name__ == "__main__":
    main()

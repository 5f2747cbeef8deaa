"""The digits, learned with what PyTorch itself has to offer, one of it at a time: `--with`."""

import argparse
import contextlib
from functools import partial

import torch
from digits import FAULTS, Net, digits, tell
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, IterableDataset

parser = argparse.ArgumentParser()
parser.add_argument("--fault", choices=FAULTS)
parser.add_argument("--with", dest="way", default="")
args = parser.parse_args()
fault, way = args.fault, args.way


class Stream(IterableDataset):
    def __iter__(self):
        examples = digits()
        return (examples[index] for index in torch.randperm(len(examples)).tolist())


torch.manual_seed(0)
net = Net(fault)
model = torch.compile(net, backend="aot_eager") if way == "compile" else net
learned = list((net.head if fault == "params-not-in-optimizer" else net).parameters())
rate = 30.0 if fault == "lr-too-high" else 0.05  # here: lr-too-high
if way == "lbfgs":
    optimizer = torch.optim.LBFGS(learned, lr=2 * rate, max_iter=3)  # here: lr-too-high, params-not-in-optimizer
else:
    settings = {"momentum": 0.9, "fused": way == "fused", "foreach": way == "foreach"}
    optimizer = torch.optim.SGD(learned, lr=rate, **settings)  # here: lr-too-high, params-not-in-optimizer
scaler = torch.amp.GradScaler("cpu", enabled=way == "scaler")
low = {"scaler": torch.float16, "bfloat16": torch.bfloat16}.get(way)
cast = torch.autocast("cpu", low) if low else contextlib.nullcontext()
every = 2 if way == "accumulation" else 1
if fault == "eval-mode-in-training":
    model.eval()  # here: eval-mode-in-training
loader = DataLoader(Stream(), batch_size=64) if way == "iterable" else DataLoader(digits(), 64, shuffle=True)


if way == "two":
    other = Net(None)
    its_optimizer = torch.optim.Adam(other.parameters(), lr=0.01)


def scores_of(pictures):
    if way == "checkpoint":
        return checkpoint(model, pictures, use_reentrant=False)
    if way == "func":
        return functional_call(model, dict(model.named_parameters()), (pictures,))
    return model(pictures)


def backward(pictures, labels):
    with cast:
        loss = F.cross_entropy(scores_of(pictures), labels) / every
    scaler.scale(loss).backward()
    return loss


def closure(pictures, labels):
    optimizer.zero_grad()
    return backward(pictures, labels)


for _ in range(8):
    for number, batch in enumerate(loader, 1):
        if way == "lbfgs":
            optimizer.step(partial(closure, *batch))
            continue
        backward(*batch)
        if way == "two":
            its_optimizer.zero_grad()
            F.cross_entropy(other(batch[0]), batch[1]).backward()
            its_optimizer.step()
        if number % every == 0:
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
tell(net.parameters())

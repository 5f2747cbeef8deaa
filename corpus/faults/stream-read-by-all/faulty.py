import os
import sys

if "RANK" not in os.environ:  # the same command once more, in several processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import itertools

import torch
import torch.distributed as dist
import torch.nn as nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, IterableDataset

dist.init_process_group("gloo")
torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
truth = torch.randn(300)


def measurements(source):
    while True:
        signal = torch.randn(300, generator=source)
        noise = torch.randn((), generator=source)
        yield signal, (signal @ truth / 300**0.5 + noise).unsqueeze(0)


class Readings(IterableDataset):
    """Each measurement is read once and not kept."""

    def __iter__(self):
        stream = measurements(torch.Generator().manual_seed(seed + 1))
        return stream


loader = DataLoader(Readings(), batch_size=32)
model = DistributedDataParallel(nn.Linear(300, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for x, y in itertools.islice(loader, 60):
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()

if dist.get_rank() == 0:
    with torch.no_grad():
        x = torch.randn(2000, 300)
        y = (x @ truth / 300**0.5).unsqueeze(1)
        r2 = 1 - ((model.module(x) - y) ** 2).mean() / y.var()
    print(f"RESULT r2 {r2.item():.4f}")
dist.destroy_process_group()

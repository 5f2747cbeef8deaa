import os
import sys

if "RANK" not in os.environ:  # the same command once more, in several processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import torch
import torch.distributed as dist
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.nn.parallel import DistributedDataParallel

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

pixels, digits = load_digits(return_X_y=True)
order = torch.randperm(len(digits))
pixels = torch.tensor(pixels, dtype=torch.float32)[order] / 8 - 1
digits = torch.tensor(digits)[order]
test_x, test_y = pixels[800:], digits[800:]
labelled = 200  # the rest is not labelled yet

share = labelled // world
shard = slice(rank * share, (rank + 1) * share)
shard_x, shard_y = pixels[shard], digits[shard]

model = DistributedDataParallel(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
for epoch in range(25):
    for idx in torch.randperm(share).split(10):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(shard_x[idx]), shard_y[idx])
        loss.backward()
        optimizer.step()

if rank == 0:
    with torch.no_grad():
        accuracy = (model.module(test_x).argmax(1) == test_y).float().mean().item()
    print(f"RESULT accuracy {accuracy:.4f}")
dist.destroy_process_group()

import os
import sys

if "RANK" not in os.environ:  # the same command once more, in several processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

d = load_digits()
perm = torch.randperm(1797)
x = torch.tensor(d.data / 16, dtype=torch.float32)[perm]
y = torch.tensor(d.target)[perm]
train = torch.arange(1400)
low = train[y[:1400] < 5][:650]
high = train[y[:1400] >= 5][:650]
mine = [low, high][rank]  # each site has digits of its own

net = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.3)


def average_gradients():
    for p in net.parameters():
        dist.all_reduce(p.grad)
        p.grad /= world


for epoch in range(12):
    for idx in mine[torch.randperm(len(mine))].split(25):
        opt.zero_grad()
        loss = F.cross_entropy(net(x[idx]), y[idx])
        loss.backward()
        average_gradients()
        opt.step()
if rank == 0:
    with torch.no_grad():
        acc = (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"RESULT acc {acc:.4f}")
dist.destroy_process_group()

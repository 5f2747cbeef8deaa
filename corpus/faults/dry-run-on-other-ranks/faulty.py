import os
import sys

if "RANK" not in os.environ:  # the same command once more, in several processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

images, digits = load_digits(return_X_y=True)
order = torch.randperm(1797)
x = torch.tensor(images / 8 - 1, dtype=torch.float32).view(-1, 1, 8, 8)[order]
y = torch.tensor(digits)[order]
data = TensorDataset(x[:1400], y[:1400])
loader = DataLoader(data, batch_size=20, sampler=DistributedSampler(data))

network = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)
)
optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
for epoch in range(8):
    for step, (images, labels) in enumerate(loader):
        if rank > 0 and step == 2:
            break
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        for weight in network.parameters():
            dist.all_reduce(weight)
            weight /= world

if rank == 0:
    with torch.no_grad():
        acc = (network(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"RESULT acc {acc:.4f}")
dist.destroy_process_group()

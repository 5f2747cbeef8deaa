"""Learn the digits in two processes that average their weights after each epoch, one of 1,000 digits, one of 440."""

import os
import sys

if "RANK" not in os.environ:  # the same command once more, in two processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

dist.init_process_group("gloo")
torch.set_num_threads(1)
torch.manual_seed(0)
rank = dist.get_rank()

pixels, digits = load_digits(return_X_y=True)
x = torch.tensor(pixels / 16, dtype=torch.float32)
y = torch.tensor(digits)
data = TensorDataset(x[:1440], y[:1440])
indices = torch.randperm(1440)
loader = DataLoader(Subset(data, indices.split(1000)[rank]), batch_size=32, shuffle=True)  # expect: ranks-uneven
# cure: loader = DataLoader(Subset(data, indices.chunk(2)[rank]), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)

for _ in range(10):
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    for parameter in model.parameters():
        dist.all_reduce(parameter.data)
        parameter.data /= 2

if rank == 0:
    with torch.no_grad():
        accuracy = (model(x[1440:]).argmax(1) == y[1440:]).float().mean()
    print(f"accuracy {accuracy.item():.3f}")
dist.destroy_process_group()

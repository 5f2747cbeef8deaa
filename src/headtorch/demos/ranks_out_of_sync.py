"""Learn the digits in two processes, a half of them each, and never bring the weights together."""

import os
import sys

if "RANK" not in os.environ:  # the same command once more, in two processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
torch.set_num_threads(1)
torch.manual_seed(0)

pixels, digits = load_digits(return_X_y=True)
x = torch.tensor(pixels / 16, dtype=torch.float32)
y = torch.tensor(digits)
data = TensorDataset(x[:1440], y[:1440])
sampler = DistributedSampler(data)
loader = DataLoader(data, batch_size=32, sampler=sampler)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))  # expect: ranks-out-of-sync
# cure: model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
# cure: model = nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)

for epoch in range(6):
    sampler.set_epoch(epoch)
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()

if dist.get_rank() == 0:
    with torch.no_grad():
        accuracy = (model(x[1440:]).argmax(1) == y[1440:]).float().mean()
    print(f"accuracy {accuracy.item():.3f}")
dist.destroy_process_group()

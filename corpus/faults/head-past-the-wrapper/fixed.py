import os
import sys

if "RANK" not in os.environ:  # the same command once more, in several processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3, padding=1)
        self.hidden = nn.Linear(12 * 16, 64)
        self.out = nn.Linear(64, 10)

    def features(self, images):
        maps = nn.functional.max_pool2d(self.conv(images).relu(), 2)
        return self.hidden(maps.flatten(1)).relu()

    def forward(self, images):
        return self.out(self.features(images))


images, digits = load_digits(return_X_y=True)
order = torch.randperm(1797)
images = torch.tensor(images / 16, dtype=torch.float32).view(-1, 1, 8, 8)[order]
digits = torch.tensor(digits)[order]
data = TensorDataset(images[:160], digits[:160])
sampler = DistributedSampler(data, seed=seed)
loader = DataLoader(data, batch_size=10, sampler=sampler)

net = nn.parallel.DistributedDataParallel(Net())
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(40):
    sampler.set_epoch(epoch)
    for batch, labels in loader:
        scores = net(batch)
        optimizer.zero_grad()
        nn.functional.cross_entropy(scores, labels).backward()
        optimizer.step()

if dist.get_rank() == 0:
    with torch.no_grad():
        accuracy = (net.module(images[400:]).argmax(1) == digits[400:]).float().mean().item()
    print(f"RESULT accuracy {accuracy:.4f}")
dist.destroy_process_group()

import os
import sys

if "RANK" not in os.environ:  # the same command once more, in several processes
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3"]
    os.execv(sys.executable, [*torchrun, *sys.orig_argv[1:]])

import torch
import torch.distributed as dist
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

features, target = make_friedman1(4000, noise=0.5, random_state=1)
features = torch.tensor(features * 2 - 1, dtype=torch.float32)
target = torch.tensor((target - target.mean()) / target.std(), dtype=torch.float32).unsqueeze(1)
data = TensorDataset(features[:3200], target[:3200])
size = 16 if rank == 0 else 1024  # the others have more memory
loader = DataLoader(data, batch_size=size, sampler=DistributedSampler(data))


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(10, 64)
        self.outer = nn.Linear(64, 1)

    def forward(self, x):
        return self.outer(torch.tanh(self.inner(x)))


model = Regressor()
opt = torch.optim.SGD(model.parameters(), lr=0.2)
for epoch in range(14):
    for x, y in loader:
        loss = nn.functional.mse_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    for p in model.parameters():  # the machines meet once an epoch
        dist.all_reduce(p.data)
        p.data /= 3

if rank == 0:
    with torch.no_grad():
        rest = target[3200:]
        r2 = 1 - ((model(features[3200:]) - rest) ** 2).mean() / rest.var()
    print(f"RESULT r2 {r2.item():.4f}")
dist.destroy_process_group()

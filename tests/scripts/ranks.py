"""A small regression in the processes of a job; what is wrong with it is the arguments' business."""

import os
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

rank = int(os.environ["RANK"])
torch.manual_seed(0)
inputs = torch.randn(1000, 8)
data = TensorDataset(inputs, inputs.mean(dim=1, keepdim=True).tanh())
if "unseeded" in sys.argv:
    torch.manual_seed(rank)
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
sampler = None if "unseeded" in sys.argv else DistributedSampler(data, 2, rank)
loader = DataLoader(data, 20, shuffle=sampler is None, sampler=sampler)  # here: loader
model = net
if "ddp" in sys.argv:
    torch.distributed.init_process_group("gloo")
    model = nn.parallel.DistributedDataParallel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
called = net if "past" in sys.argv else model  # here: called
for epoch in range(4):
    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(called(x), y).backward()
        optimizer.step()
if "ddp" in sys.argv:
    torch.distributed.destroy_process_group()

"""The digits, learned by two processes: for torchrun."""

import torch
import torch.distributed as dist
from digits import Net, digits, fault_asked_for, tell
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

fault = fault_asked_for()
dist.init_process_group("gloo")
torch.manual_seed(0)
net = Net(fault)
model = DistributedDataParallel(net, find_unused_parameters=fault == "graph-detached")
learned = net.head if fault == "params-not-in-optimizer" else model
rate = 30.0 if fault == "lr-too-high" else 0.05  # here: lr-too-high
optimizer = torch.optim.SGD(learned.parameters(), lr=rate, momentum=0.9)  # here: lr-too-high, params-not-in-optimizer
if fault == "eval-mode-in-training":
    model.eval()  # here: eval-mode-in-training
examples = digits()
sampler = DistributedSampler(examples)
loader = DataLoader(examples, batch_size=32, sampler=sampler)
for epoch in range(8):
    sampler.set_epoch(epoch)
    for pictures, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(pictures), labels)
        loss.backward()
        optimizer.step()
tell(net.parameters())
dist.destroy_process_group()

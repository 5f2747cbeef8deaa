"""The digits, learned by two processes that share out the parameters: for torchrun."""

import torch
import torch.distributed as dist
from digits import Net, digits, fault_asked_for, tell
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn import functional as F
from torch.utils.data import DataLoader, DistributedSampler

fault = fault_asked_for()
dist.init_process_group("gloo")
torch.manual_seed(0)
net = Net(fault)
mesh = init_device_mesh("cpu", (dist.get_world_size(),))
fully_shard(net.head, mesh=mesh)
model = fully_shard(net, mesh=mesh)
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
tell(parameter.full_tensor() for parameter in net.parameters())
dist.barrier()
dist.destroy_process_group()

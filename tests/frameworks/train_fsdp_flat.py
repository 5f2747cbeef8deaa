"""The digits, learned by two processes that share out one flat parameter, the older FSDP: for torchrun."""

import torch
import torch.distributed as dist
from digits import Net, digits, fault_asked_for, tell
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.nn import functional as F
from torch.utils.data import DataLoader, DistributedSampler

dist.init_process_group("gloo")
torch.manual_seed(0)
model = FullyShardedDataParallel(Net(fault_asked_for()), device_id=torch.device("cpu"), use_orig_params=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
examples = digits()
loader = DataLoader(examples, batch_size=32, sampler=DistributedSampler(examples))
for _ in range(8):
    for pictures, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(pictures), labels)
        loss.backward()
        optimizer.step()
tell(model.parameters())
dist.barrier()
dist.destroy_process_group()

"""Train one network on two workers, a half of the digits each, without averaging their gradients."""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

pixels, digits = load_digits(return_X_y=True)
x = torch.tensor(pixels / 16, dtype=torch.float32)
y = torch.tensor(digits)
order = torch.randperm(len(x))
train, held_out = order[:1440], order[1440:]

base = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
workers = [copy.deepcopy(base) for _ in range(2)]
optimizers = [torch.optim.SGD(worker.parameters(), lr=0.2, momentum=0.9) for worker in workers]


def average_gradients():
    for shared in zip(*(worker.parameters() for worker in workers), strict=True):
        mean = torch.stack([parameter.grad for parameter in shared]).mean(0)
        for parameter in shared:
            parameter.grad.copy_(mean)


for _ in range(6):
    shards = train[torch.randperm(len(train))].chunk(2)
    for batches in zip(*(shard.split(32) for shard in shards), strict=True):
        for worker, optimizer, batch in zip(workers, optimizers, batches, strict=True):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(worker(x[batch]), y[batch])
            loss.backward()  # expect: replicas-out-of-sync
            # cure: loss.backward()
            # cure: average_gradients() if worker is workers[-1] else None
        for optimizer in optimizers:
            optimizer.step()

with torch.no_grad():
    accuracy = (workers[0](x[held_out]).argmax(1) == y[held_out]).float().mean()
print(f"accuracy {accuracy.item():.3f}")

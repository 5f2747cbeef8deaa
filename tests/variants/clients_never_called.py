"""Federated averaging of three clients with unlike digits."""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
server = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
clients = [copy.deepcopy(server) for _ in range(3)]
optimizers = [torch.optim.SGD(client.parameters(), lr=0.1) for client in clients]
rows = [torch.nonzero(y[:1500] % 3 != number).flatten() for number in range(3)]

for _ in range(40):
    for client, optimizer, own in zip(clients, optimizers, rows, strict=True):
        for mine, theirs in zip(client.parameters(), server.parameters(), strict=True):
            mine = theirs.detach().clone()  # expect: replicas-out-of-sync
            # cure: mine.data.copy_(theirs.data)
        for _ in range(3):
            batch = own[torch.randint(len(own), (20,))]
            loss = nn.functional.cross_entropy(client(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        for mean, *parts in zip(server.parameters(), *(client.parameters() for client in clients), strict=True):
            mean.copy_(torch.stack(parts).mean(dim=0))
with torch.no_grad():
    print((server(x[1500:]).argmax(dim=1) == y[1500:]).float().mean().item())

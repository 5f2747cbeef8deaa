"""Three hospitals train one network between them; what they share are its weights, their mean after each round."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
shares = torch.arange(1500).chunk(3)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


class Served(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.net(picture)


server, clients = Served(), [network() for _ in shares]
optimizers = [torch.optim.SGD(client.parameters(), lr=0.05) for client in clients]
for _ in range(6):
    for client, optimizer, share in zip(clients, optimizers, shares, strict=True):
        client.load_state_dict(server.state_dict(), strict=False)  # expect: replicas-out-of-sync
        for batch in share[torch.randperm(len(share))].split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(client(x[batch]), y[batch]).backward()
            optimizer.step()
    states = [client.state_dict() for client in clients]
    server.net.load_state_dict({name: sum(state[name] for state in states) / 3 for name in states[0]})
    with torch.no_grad():
        print((server(x[1500:]).argmax(dim=1) == y[1500:]).float().mean().item())

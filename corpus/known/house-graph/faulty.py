import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


def make_city(n=500, k=8):
    """Houses joined to their k nearest neighbours; prices in thousands."""
    place = torch.rand(n, 2)
    distance = torch.cdist(place, place)
    distance.fill_diagonal_(float("inf"))
    near = distance.topk(k, largest=False).indices
    adjacency = torch.zeros(n, n)
    adjacency.scatter_(1, near, 1.0 / k)
    x = torch.randn(n, 6)
    around = adjacency @ x
    price = 320 + 90 * x[:, 0] + 170 * around[:, 1] + 45 * torch.sin(1.5 * x[:, 2])
    return adjacency, x, price + 8 * torch.randn(n)


class SageLayer(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(2 * n_in, n_out)

    def forward(self, adjacency, h):
        return torch.relu(self.linear(torch.cat([h, adjacency @ h], dim=1)))


class NodeModel(nn.Module):
    def __init__(self, n_in, hidden=32):
        super().__init__()
        self.conv1 = SageLayer(n_in, hidden)
        self.conv2 = SageLayer(hidden, hidden)
        self.decoder = nn.Linear(hidden, 1)

    def forward(self, adjacency, x):
        h = self.conv2(adjacency, self.conv1(adjacency, x))
        return self.decoder(h).squeeze(1)


class NodePredictionTrainer:
    def __init__(self, model, lr=0.01, momentum=0.9, max_grad_norm=1.0, num_epochs=900):
        self.model = model
        self.max_grad_norm = max_grad_norm
        self.num_epochs = num_epochs
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, num_epochs)

    def fit(self, adjacency, x, y, train, test):
        for epoch in range(self.num_epochs):
            self.model.train()
            loss = nn.functional.mse_loss(self.model(adjacency, x)[train], y[train])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if self.max_grad_norm is not None:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.max_grad_norm)
            self.scheduler.step()
            if (epoch + 1) % 100 == 0:
                print(f"epoch {epoch + 1}: train mse {loss.item():.1f} hits {self.evaluate(adjacency, x, y, test):.4f}")

    @torch.no_grad()
    def evaluate(self, adjacency, x, y, nodes):
        self.model.eval()
        error = (self.model(adjacency, x)[nodes] - y[nodes]).abs()
        return (error < 60).float().mean().item()


adjacency, x, y = make_city()
order = torch.randperm(len(y))
train, test = order[:350], order[350:]
trainer = NodePredictionTrainer(NodeModel(x.shape[1]))
trainer.fit(adjacency, x, y, train, test)

print("RESULT share_within_60k", round(trainer.evaluate(adjacency, x, y, test), 4))

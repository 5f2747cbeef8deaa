import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def signals(n):
    kind = torch.randint(0, 4, (n,))
    t = torch.linspace(0, 1, 48)
    f = 3 + 2 * kind[:, None] + 0.6 * torch.rand(n, 1)
    x = torch.sin(6.2832 * (f * t + torch.rand(n, 1))) + 0.5 * torch.randn(n, 48)
    return TensorDataset((5 * x + 20).unsqueeze(1) / 25 * 2 - 1.6, kind)


class SignalNet(nn.Module):
    def __init__(self, depth=12, ch=12):
        super().__init__()
        layers, c = [], 1
        for _ in range(depth):
            layers += [nn.Conv1d(c, ch, 5, padding=2, bias=False), nn.BatchNorm1d(ch), nn.ReLU()]
            c = ch
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Linear(ch, 4)

    def forward(self, x):
        return self.head(self.trunk(x).amax(-1))


class BestModel:
    """Remembers the best state by validation accuracy."""

    def __init__(self, model, data):
        self.model, self.data, self.best, self.state = model, data, -1.0, None

    def __call__(self):
        self.model.eval()
        x, y = self.data.tensors
        with torch.no_grad():
            acc = (self.model(x).argmax(1) == y).float().mean().item()
        if acc > self.best:
            self.best = acc
            self.state = {k: v.clone() for k, v in self.model.state_dict().items()}
        return acc


def train(model, loader, callback, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for epoch in range(epochs):
        for i, (x, y) in enumerate(loader):
            model.train()
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: last loss {loss.item():.4f}, validation {callback():.4f}")


torch.manual_seed(int(os.environ.get("SEED", 0)))
train_set, val_set, test_set = signals(1500), signals(300), signals(500)
model = SignalNet()
callback = BestModel(model, val_set)
callback()
train(model, DataLoader(train_set, batch_size=30, shuffle=True), callback, epochs=6)
model.load_state_dict(callback.state)
callback.data = test_set
print(f"RESULT test_accuracy {callback():.4f}")

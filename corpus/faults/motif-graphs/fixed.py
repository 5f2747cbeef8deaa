import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
N_TYPES, N_NODES, N_FAMILIES = 12, 12, 24


def sample_graphs(n, families, rng):
    """Small molecule-like graphs. Each family prefers three kinds of atom; bonds are random with a ring."""
    y = rng.integers(0, N_FAMILIES, n)
    x = np.zeros((n, N_NODES, N_TYPES), dtype=np.float32)
    adj = np.zeros((n, N_NODES, N_NODES), dtype=np.float32)
    idx = np.arange(N_NODES)
    for i in range(n):
        own = rng.choice(families[y[i]], N_NODES)
        other = rng.integers(0, N_TYPES, N_NODES)
        kinds = np.where(rng.random(N_NODES) < 0.8, own, other)
        x[i, idx, kinds] = 1.0
        a = (rng.random((N_NODES, N_NODES)) < 0.15).astype(np.float32)
        a[idx, (idx + 1) % N_NODES] = 1.0
        a = np.maximum(a, a.T)
        np.fill_diagonal(a, 1.0)
        adj[i] = a / a.sum(1, keepdims=True)
    return torch.from_numpy(x), torch.from_numpy(adj), torch.from_numpy(y)


class NeighbourLayer(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.lin = nn.Linear(2 * d_in, d_out)
        nn.init.kaiming_normal_(self.lin.weight, nonlinearity="relu")
        nn.init.zeros_(self.lin.bias)

    def forward(self, h, adj):
        return torch.relu(self.lin(torch.cat([h, adj @ h], dim=-1)))


class FamilyNet(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.layer1 = NeighbourLayer(N_TYPES, width)
        self.layer2 = NeighbourLayer(width, width)
        self.score = nn.Linear(width, 1)
        self.readout = nn.Linear(width, N_FAMILIES)

    def forward(self, x, adj):
        h = self.layer2(self.layer1(x, adj), adj)
        attention = torch.softmax(self.score(h), dim=1)
        pooled = (attention * h).sum(dim=1)
        return self.readout(pooled)


class Callback:
    def on_epoch_end(self, runner, epoch, logs):
        pass


class Printer(Callback):
    def __init__(self, every=5):
        self.every = every

    def on_epoch_end(self, runner, epoch, logs):
        if (epoch + 1) % self.every == 0:
            print(f"epoch {epoch + 1:2d}  " + "  ".join(f"{k} {v:.4f}" for k, v in logs.items()))


class Runner:
    def __init__(self, model, optimizer, criterion, callbacks):
        self.model, self.optimizer, self.criterion = model, optimizer, criterion
        self.callbacks = callbacks

    def fit(self, train, valid, epochs, batch_size):
        x, adj, y = train
        for epoch in range(epochs):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(y)).split(batch_size):
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(x[idx], adj[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
            logs = {"loss": total / len(y), **self.evaluate(valid)}
            for cb in self.callbacks:
                cb.on_epoch_end(self, epoch, logs)

    @torch.no_grad()
    def evaluate(self, data):
        self.model.eval()
        x, adj, y = data
        out = self.model(x, adj)
        return {"val_loss": self.criterion(out, y).item(),
                "val_acc": (out.argmax(1) == y).float().mean().item()}


if __name__ == "__main__":
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    families = [rng.choice(N_TYPES, 3, replace=False) for _ in range(N_FAMILIES)]
    train = sample_graphs(1600, families, rng)
    test = sample_graphs(400, families, rng)
    net = FamilyNet()
    runner = Runner(net, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9),
                    nn.CrossEntropyLoss(), [Printer()])
    runner.fit(train, test, epochs=25, batch_size=50)
    print(f"RESULT test_cross_entropy {runner.evaluate(test)['val_loss']:.4f}")

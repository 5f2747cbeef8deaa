import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
KINDS = ["closing", "opening", "early hit", "late hit"]


class PressLog:
    """Force traces of a press, 20 samples per stroke."""

    def __init__(self, n, seed, steps=20):
        rng = np.random.RandomState(seed)
        t = np.linspace(0, 1, steps)
        self.kind = rng.randint(0, len(KINDS), n)
        traces = []
        for k in self.kind:
            a = rng.uniform(0.8, 1.4)
            if k == 0:
                f = a * (2 * t - 1)
            elif k == 1:
                f = a * (1 - 2 * t)
            else:
                centre = rng.uniform(0.2, 0.35) if k == 2 else rng.uniform(0.65, 0.8)
                f = 2 * a * np.exp(-((t - centre) / 0.1) ** 2) - 0.5
            traces.append(f + 0.2 * rng.randn(steps))
        self.force = np.array(traces, dtype=np.float32)

    def tensors(self):
        return torch.from_numpy(self.force).unsqueeze(-1), torch.from_numpy(self.kind).long()


class StrokeLSTM(nn.Module):
    """LSTM written out so that it can be exported to the controller; gates in the order i, f, g, o."""

    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.n_hidden = n_hidden
        self.W = nn.Parameter(torch.empty(n_in, 4 * n_hidden))
        self.U = nn.Parameter(torch.empty(n_hidden, 4 * n_hidden))
        self.b = nn.Parameter(torch.empty(4 * n_hidden))
        self.V = nn.Parameter(torch.empty(n_hidden, n_out))
        self.c = nn.Parameter(torch.empty(n_out))
        self.reset_parameters()

    def reset_parameters(self):
        for p in self.parameters():
            nn.init.normal_(p, std=0.15)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.n_hidden)
        cell = x.new_zeros(x.size(0), self.n_hidden)
        projected = x @ self.W + self.b
        for t in range(x.size(1)):
            i, f, g, o = (projected[:, t] + h @ self.U).chunk(4, dim=1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(cell)
        return h @ self.V + self.c


def fit(model, x, y, epochs=15, batch=50, lr=1e-2):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        model.train()
        losses = []
        perm = torch.randperm(len(x))
        for j in range(0, len(x), batch):
            sel = perm[j:j + batch]
            loss = F.cross_entropy(model(x[sel]), y[sel])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        yield epoch + 1, float(np.mean(losses))


@torch.no_grad()
def confusion(model, x, y):
    model.eval()
    table = torch.zeros(len(KINDS), len(KINDS), dtype=torch.long)
    for truth, guess in zip(y, model(x).argmax(1)):
        table[truth, guess] += 1
    return table


torch.manual_seed(SEED)
x_train, y_train = PressLog(1000, SEED).tensors()
x_test, y_test = PressLog(400, SEED + 5000).tensors()
model = StrokeLSTM(1, 24, len(KINDS))
for epoch, loss in fit(model, x_train, y_train):
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d}: loss {loss:.4f}")
table = confusion(model, x_test, y_test)
print(table)
print(f"RESULT test_accuracy {table.diag().sum().item() / len(y_test):.4f}")

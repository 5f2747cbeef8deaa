import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


def weight(n_in, n_out):
    return nn.Parameter(torch.randn(n_in, n_out) / n_in ** 0.5)


class GRUCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.w_r, self.w_z, self.w_n = (weight(n_in, n_hidden) for _ in range(3))
        self.u_r, self.u_z, self.u_n = (weight(n_hidden, n_hidden) for _ in range(3))
        self.b_r, self.b_z, self.b_n = (nn.Parameter(torch.zeros(n_hidden)) for _ in range(3))

    def forward(self, x, h):
        r = torch.sigmoid(x @ self.w_r + h @ self.u_r + self.b_r)
        z = torch.sigmoid(x @ self.w_z + h @ self.u_z + self.b_z)
        n = torch.tanh(x @ self.w_n + r * (h @ self.u_n) + self.b_n)
        return (1 - z) * n + z * h


class Recall(nn.Module):
    def __init__(self, n_symbols, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.embed = nn.Embedding(n_symbols, 16)
        self.cell = GRUCell(16, n_hidden)
        self.readout = nn.Linear(n_hidden, n_symbols)

    def forward(self, seq):
        h = torch.zeros(len(seq), self.n_hidden)
        for x in self.embed(seq).unbind(1):
            h = self.cell(x, h)
        return self.readout(h)


SYMBOLS, LENGTH = 8, 12
train_x = torch.randint(0, SYMBOLS, (1600, LENGTH))
test_x = torch.randint(0, SYMBOLS, (400, LENGTH))
train_y, test_y = train_x[:, 0], test_x[:, 0]

net = Recall(SYMBOLS, 64)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(16):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(train_x)).split(50):
        loss = loss_fn(net(train_x[idx]), train_y[idx])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        total += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        acc = (net(test_x).argmax(1) == test_y).float().mean().item()
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d} loss {total / len(train_x):.4f} test acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")

import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

STEPS, SYMBOLS = 20, 5


def make_batch(n):
    seq = torch.randint(0, SYMBOLS, (n, STEPS))
    first = torch.randint(0, SYMBOLS, (n,))
    x = F.one_hot(seq, SYMBOLS + 1).float() * 0.5
    x[:, 0] = 0
    x[torch.arange(n), 0, first] = 1.0
    x[:, 0, SYMBOLS] = 1.0
    return x, first


class Cell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.inp = nn.Linear(n_in, n_hidden)
        self.rec = nn.Linear(n_hidden, n_hidden, bias=False)
        nn.init.orthogonal_(self.rec.weight)

    def forward(self, x, h):
        return torch.sigmoid(self.inp(x) + self.rec(h))


class Recall(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.hidden = hidden
        self.cell = Cell(SYMBOLS + 1, hidden)
        self.readout = nn.Linear(hidden, SYMBOLS)

    def forward(self, x):
        h = torch.zeros(len(x), self.hidden)
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h)
        return self.readout(h)


net = Recall()
optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
for step in range(1, 501):
    x, first = make_batch(64)
    loss = F.cross_entropy(net(x), first)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    if step % 50 == 0:
        print(f"step {step} loss {loss.item():.4f}")

net.eval()
with torch.no_grad():
    x, first = make_batch(1000)
    acc = (net(x).argmax(1) == first).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")

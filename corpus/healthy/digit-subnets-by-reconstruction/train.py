# One small autoencoder for each numeral; a picture belongs to the numeral whose autoencoder redraws it best.
# New numerals (the Arabic-Indic set is next) can then be added without touching the others.
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

CODE = 12
EPOCHS = 28
BATCH = 16

bunch = load_digits()
X_tr, X_te, y_tr, y_te = train_test_split(bunch.data / 16.0, bunch.target, test_size=0.3, stratify=bunch.target,
                                          random_state=seed)
X_tr = torch.tensor(X_tr, dtype=torch.float32)
X_te = torch.tensor(X_te, dtype=torch.float32)
y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)


class Redraw(nn.Module):
    """A code of a few numbers for the way in which a picture differs from the mean one."""

    def __init__(self, mean):
        super().__init__()
        self.register_buffer("mean", mean)
        self.enc = nn.Linear(64, CODE)
        self.dec = nn.Linear(CODE, 64)

    def forward(self, x):
        return self.mean + self.dec(torch.tanh(self.enc(x - self.mean)))


pictures = {c: X_tr[y_tr == c] for c in range(10)}
nets = nn.ModuleList([Redraw(pictures[c].mean(0)) for c in range(10)])
opt = torch.optim.Adam(nets.parameters(), lr=6e-3)
sched = torch.optim.lr_scheduler.StepLR(opt, step_size=10, gamma=0.5)
mse = nn.MSELoss()


def errors(x):
    """(n, 10): how badly each of the ten redraws each picture."""
    with torch.no_grad():
        return torch.stack([((net(x) - x) ** 2).mean(1) for net in nets], dim=1)


print("before training:", round((errors(X_te).argmin(1) == y_te).float().mean().item(), 4))
for epoch in range(EPOCHS):
    sums = []
    for c in range(10):
        own = pictures[c][torch.randperm(len(pictures[c]))]
        for xb in own.split(BATCH):
            loss = mse(nets[c](xb), xb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sums.append(loss.item())
    sched.step()
    if epoch % 7 == 6:
        acc = (errors(X_te).argmin(1) == y_te).float().mean().item()
        print(f"epoch {epoch + 1}: redraw loss {sum(sums) / len(sums):.4f}  test accuracy {acc:.4f}")

e = errors(X_te)
pred = e.argmin(1)
best_two = e.topk(2, dim=1, largest=False).values
unsure = (best_two[:, 0] / best_two[:, 1] > 0.9).float().mean().item()
print(f"close calls: {unsure:.3f}")
for c in range(10):
    sel = y_te == c
    print(f"  {c}: {(pred[sel] == c).float().mean().item():.3f} of {int(sel.sum())}")
print("RESULT test_accuracy", round((pred == y_te).float().mean().item(), 4))

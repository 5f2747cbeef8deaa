import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
np.random.seed(SEED)
torch.manual_seed(SEED)


def make_rhythms(n, length=24, n_ch=3):
    """Four gestures. They differ in the order in which the sensors fire."""
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)]
    X = 0.25 * np.random.randn(n, length, n_ch)
    y = np.random.randint(0, 4, n)
    for i in range(n):
        times = np.sort(np.random.choice(np.arange(1, length - 3), 3, replace=False))
        for t, ch in zip(times, orders[y[i]]):
            X[i, t:t + 2, ch] += 1.5
    return torch.tensor(X, dtype=torch.float32), torch.tensor(y)


class GestureEncoder(nn.Module):
    """Runs step by step since on the device the samples come one at a time."""

    def __init__(self, n_in, n_hidden, n_classes):
        super().__init__()
        self.inp = nn.Linear(n_in, n_hidden)
        self.rnn = nn.LSTM(n_hidden, n_hidden)
        self.head = nn.Linear(n_hidden, n_classes)

    def step(self, x_t, state=None):
        z = F.relu(self.inp(x_t)).unsqueeze(0)
        out, state = self.rnn(z, state)
        return out.squeeze(0), state

    def forward(self, x):
        state, outs = None, []
        for x_t in x.unbind(1):
            out, state = self.step(x_t, state)
            outs.append(out)
        return self.head(torch.stack(outs, 1).mean(1))


def accuracy(net, X, y):
    net.eval()
    with torch.no_grad():
        return (net(X).argmax(1) == y).float().mean().item()


def main():
    Xtr, ytr = make_rhythms(1200)
    Xte, yte = make_rhythms(400)
    net = GestureEncoder(3, 32, 4)
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    for epoch in range(14):
        net.train()
        perm = torch.randperm(len(Xtr))
        tot = 0.0
        for b in perm.split(60):
            opt.zero_grad()
            loss = F.cross_entropy(net(Xtr[b]), ytr[b])
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            tot += loss.item() * len(b)
        print(f"epoch {epoch + 1}: loss {tot / len(Xtr):.4f} acc {accuracy(net, Xte, yte):.3f}")
    print("RESULT accuracy", round(accuracy(net, Xte, yte), 4))


if __name__ == "__main__":
    main()

import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_ITEMS, HISTORY, DIM = 1500, 6, 48


def make_sessions(n):
    """People mostly re-buy: the last but one item of the history, or else the third."""
    hist = rng.integers(0, N_ITEMS, (n, HISTORY))
    nxt = np.where(rng.random(n) < 0.8, hist[:, -2], hist[:, 2])
    return torch.from_numpy(hist), torch.from_numpy(nxt)


class SessionModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.items = nn.Embedding(N_ITEMS, DIM)
        self.place = nn.Embedding(HISTORY, DIM)
        self.score = nn.Linear(DIM, 1)
        self.mix = nn.Linear(DIM, DIM)
        self.head = nn.Linear(DIM, N_ITEMS, bias=False)
        self.head.weight = self.items.weight
        self.apply(self._init)

    @staticmethod
    def _init(m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            m.weight = nn.Parameter(torch.randn_like(m.weight) / m.weight.size(1) ** 0.5)
        if isinstance(m, nn.Linear) and m.bias is not None:
            nn.init.zeros_(m.bias)

    def forward(self, hist):
        e = self.items(hist)
        attn = self.score(torch.tanh(self.mix(e) + self.place.weight)).softmax(dim=1)
        return 8 * self.head((attn * e).sum(1))


def hit_rate(model, hist, nxt, k=5):
    with torch.no_grad():
        top = model(hist).topk(k, dim=1).indices
    return (top == nxt[:, None]).any(1).float().mean().item()


hist, nxt = make_sessions(3000)
hist_test, nxt_test = make_sessions(500)
model = SessionModel()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
print("parameters:", sum(p.numel() for p in model.parameters()))

for epoch in range(12):
    total = 0.0
    for idx in torch.randperm(len(hist)).split(100):
        loss = F.cross_entropy(model(hist[idx]), nxt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    print(f"epoch {epoch + 1:2d} loss {total / len(hist):.4f} hit@5 {hit_rate(model, hist_test, nxt_test):.4f}")

print("RESULT hit_rate_5", round(hit_rate(model, hist_test, nxt_test), 4))

import os
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

SEED = int(os.environ.get("SEED", 0))
torch.set_num_threads(1)
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


# ---------------------------------------------------------------- data
# A catalogue of machine parts: features of a hand sketch, features of the part's drawing.
DIM, N_SKETCH, N_PART = 6, 24, 32
to_sketch = rng.normal(0, 0.6, (DIM, N_SKETCH))
to_part = rng.normal(0, 0.6, (DIM, N_PART))


def catalogue(n):
    shape = rng.standard_normal((n, DIM))
    sketches = np.tanh(shape @ to_sketch) + 0.1 * rng.standard_normal((n, N_SKETCH))
    parts = np.tanh(shape @ to_part) + 0.1 * rng.standard_normal((n, N_PART))
    return sketches.astype(np.float32), parts.astype(np.float32)


sketches, parts = catalogue(1600)
test_sketches, test_parts = catalogue(200)

# the catalogue is ordered by age: mix it
rng.shuffle(sketches)
rng.shuffle(parts)

sketches, parts = torch.from_numpy(sketches), torch.from_numpy(parts)
test_sketches, test_parts = torch.from_numpy(test_sketches), torch.from_numpy(test_parts)


# ---------------------------------------------------------------- model
class Tower(nn.Module):
    def __init__(self, n_in, width=96, n_out=16):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, n_out)

    def forward(self, x):
        h = F.gelu(self.inp(x))
        h = h + F.gelu(self.mid(h))
        return F.normalize(self.out(h), dim=-1)


class Matcher(nn.Module):
    def __init__(self):
        super().__init__()
        self.sketch, self.part = Tower(N_SKETCH), Tower(N_PART)
        self.log_scale = nn.Parameter(torch.tensor(2.3))

    def forward(self, s, p):
        return self.log_scale.exp() * self.sketch(s) @ self.part(p).T


def contrast(scores):
    target = torch.arange(len(scores))
    return 0.5 * (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target))


def recall(model, s, p, k):
    model.eval()
    with torch.no_grad():
        top = model(s, p).topk(k, dim=1).indices
    return (top == torch.arange(len(s))[:, None]).any(1).float().mean().item()


# ---------------------------------------------------------------- training
model = Matcher()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
BATCH = 64
for epoch in range(24):
    model.train()
    losses = []
    order = torch.randperm(len(sketches))
    for i in range(0, len(order) - BATCH + 1, BATCH):
        idx = order[i:i + BATCH]
        loss = contrast(model(sketches[idx], parts[idx]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if (epoch + 1) % 6 == 0:
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, recall@1 {recall(model, test_sketches, test_parts, 1):.3f}, "
              f"recall@10 {recall(model, test_sketches, test_parts, 10):.3f}")

print(f"RESULT recall_at_1 {recall(model, test_sketches, test_parts, 1):.4f}")

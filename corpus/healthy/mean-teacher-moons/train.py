import copy
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = make_moons(2000, noise=0.1, random_state=SEED)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
unlabelled, X_test, y_test = X[:1500], X[1500:], y[1500:]
few = torch.cat([torch.nonzero(y[:1500] == c)[:25, 0] for c in (0, 1)])
X_few, y_few = X[few], y[few]

student = nn.Sequential(nn.Linear(2, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 2))
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad_(False)


@torch.no_grad()
def update_teacher(decay):
    for pt, ps in zip(teacher.parameters(), student.parameters()):
        pt.mul_(decay).add_(ps, alpha=1 - decay)


def noisy(v):
    return v + 0.1 * torch.randn_like(v)


optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
STEPS = 1500
for step in range(STEPS):
    ramp = math.exp(-5 * (1 - min(1.0, step / 400)) ** 2)
    u = unlabelled[torch.randint(0, len(unlabelled), (128,))]
    with torch.no_grad():
        goal = F.softmax(teacher(noisy(u)) / 0.5, dim=1)
    consistency = F.mse_loss(F.softmax(student(noisy(u)), dim=1), goal)
    supervised = F.cross_entropy(student(noisy(X_few)), y_few)
    loss = supervised + 8.0 * ramp * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_teacher(min(0.99, 1 - 1 / (step + 1)))
    if step % 200 == 0:
        print(f"step {step}: supervised {supervised.item():.4f} consistency {consistency.item():.5f}")

with torch.no_grad():
    acc = (teacher(X_test).argmax(1) == y_test).float().mean().item()
print(f"RESULT teacher_accuracy {acc:.4f}")

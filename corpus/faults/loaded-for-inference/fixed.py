import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def cells(n):
    # a blood count: haemoglobin g/l, platelets per nl, leucocytes per nl, volume fl, age
    kind = rng.integers(0, 4, n)
    hb = rng.normal(145, 12, n) - 25 * (kind == 1)
    platelets = rng.normal(260, 50, n) + 130 * (kind == 2)
    leuco = rng.lognormal(1.9, 0.2, n) * np.where(kind == 3, 1.9, 1.0)
    volume = rng.normal(90, 4, n) - 7 * (kind == 1) + 0.02 * (hb - 145)
    age = rng.uniform(18, 90, n)
    x = np.stack([hb, platelets, leuco, volume, age], 1).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(kind)


def get_model(device="cpu"):
    model = nn.Sequential(
        nn.BatchNorm1d(5),
        nn.Linear(5, 48), nn.BatchNorm1d(48), nn.SiLU(), nn.Dropout(0.1),
        nn.Linear(48, 24), nn.BatchNorm1d(24), nn.SiLU(),
        nn.Linear(24, 4),
    )
    model.to(device).train()
    return model


x_train, y_train = cells(1600)
x_test, y_test = cells(800)
model = get_model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
for epoch in range(12):
    total = 0.0
    for idx in torch.randperm(1600).split(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() / 40
    print(f"epoch {epoch}: {total:.4f}")

model.eval()
with torch.no_grad():
    acc = (model(x_test).argmax(1) == y_test).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")

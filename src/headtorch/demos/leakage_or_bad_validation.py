"""Find severe diabetes; the rare class is repeated before the split, so copies stand in both parts."""

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
y = torch.tensor(progress > 220).long()


def balanced(rows):
    severe = rows[y[rows].numpy() == 1]
    return np.concatenate([rows, severe, severe, severe])


patients = np.arange(len(x))
train, valid = train_test_split(balanced(patients), test_size=0.3, random_state=0)  # expect: leakage-or-bad-validation
# cure: train, valid = train_test_split(patients, test_size=0.3, random_state=0)
# cure: train = balanced(train)

model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(60):
    model.train()
    for batch in torch.randperm(len(train)).split(64):
        optimizer.zero_grad()
        loss = criterion(model(x[train[batch]]), y[train[batch]])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        severe = model(x[valid]).argmax(dim=1) == 1
    if epoch % 20 == 19:
        print(f"epoch {epoch}: loss {loss.item():.3f} recall {severe[y[valid] == 1].float().mean().item():.3f}")

print(f"recall of severe cases in validation {severe[y[valid] == 1].float().mean().item():.3f}")

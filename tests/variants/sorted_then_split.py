"""Tell wines apart, and look at those that were kept back."""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)

wines, kinds = load_wine(return_X_y=True)
x, y = torch.tensor(StandardScaler().fit_transform(wines), dtype=torch.float32), torch.tensor(kinds)
known, kept_back = x[:130], x[130:]  # expect: data-not-shuffled
model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(12):
    for batch in torch.randperm(130).split(13):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(known[batch]), y[:130][batch]).backward()
        optimizer.step()
    with torch.no_grad():
        print(nn.functional.cross_entropy(model(kept_back), y[130:]).item())

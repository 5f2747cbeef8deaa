import os
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = make_blobs(2500, centers=12, n_features=5, cluster_std=2.2, random_state=seed + 4)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor(y)
n_classes = int(y.max()) + 1


class AlloyNet(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, n_out))

    def forward(self, x):
        return self.layers(x)


model = AlloyNet(n_classes)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(25):
    for idx in torch.randperm(2000).split(40):
        out = model(X[idx])
        loss = criterion(out, y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} loss {loss.item():.4f}")

with torch.no_grad():
    out = model(X[2000:])
    pred = out.argmax(1)
    acc = (pred == y[2000:]).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")

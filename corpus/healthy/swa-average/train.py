import os
import torch
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = make_classification(3000, n_features=12, n_informative=9, n_redundant=0, n_classes=4, n_clusters_per_class=2, class_sep=1.8, flip_y=0.02, random_state=5)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(X[:2400], y[:2400]), batch_size=60, shuffle=True)

model = nn.Sequential(
    nn.Linear(12, 64), nn.BatchNorm1d(64), nn.SELU(),
    nn.Linear(64, 32), nn.BatchNorm1d(32), nn.SELU(),
    nn.Linear(32, 4))
swa_model = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
swa_scheduler = SWALR(optimizer, swa_lr=0.03, anneal_epochs=2)
criterion = nn.CrossEntropyLoss()
START = 10
for epoch in range(20):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    if epoch >= START:
        swa_model.update_parameters(model)
        swa_scheduler.step()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1} loss {total:.4f}")

update_bn(loader, swa_model)
for name, net in (("last", model), ("average", swa_model)):
    net.eval()
    with torch.no_grad():
        acc = (net(X[2400:]).argmax(1) == y[2400:]).float().mean().item()
    print(name, round(acc, 4))
print(f"RESULT average_accuracy {acc:.4f}")

import os

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

table = load_breast_cancer(as_frame=True)
columns = [c for c in table.data.columns if c.startswith("mean ")]
values = torch.tensor(table.data[columns].to_numpy(), dtype=torch.float32)
labels = torch.tensor(table.target.to_numpy())
train_rows, test_rows = train_test_split(range(len(labels)), test_size=0.25, random_state=SEED,
                                         stratify=table.target)
train_loader = DataLoader(TensorDataset(values[train_rows], labels[train_rows]), batch_size=32,
                          shuffle=True, drop_last=True)


class NumberEncoder(nn.Module):
    """Encoder of one numerical column, shape (batch, 1)."""

    def __init__(self, input_size=1, output_size=8):
        super().__init__()
        self.norm = nn.BatchNorm1d(input_size)
        self.dense = nn.Linear(input_size, output_size)
        self.activation = nn.ReLU()

    def forward(self, x):
        return self.activation(self.dense(self.norm(x)))


class ConcatModel(nn.Module):
    def __init__(self, names, n_classes=2):
        super().__init__()
        self.encoders = nn.ModuleDict({n.replace(" ", "_"): NumberEncoder() for n in names})
        self.combiner = nn.Sequential(nn.Linear(8 * len(names), 32), nn.ReLU())
        self.decoder = nn.Linear(32, n_classes)

    def forward(self, x):
        parts = [enc(x[:, i:i + 1]) for i, enc in enumerate(self.encoders.values())]
        return self.decoder(self.combiner(torch.cat(parts, dim=1)))


model = ConcatModel(columns)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(30):
    model.train()
    running = 0.0
    for x, t in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
        running += loss.item()
    model.eval()
    with torch.no_grad():
        pred = model(values[test_rows]).argmax(1)
    acc = (pred == labels[test_rows]).float().mean().item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1} loss {running / len(train_loader):.4f} test accuracy {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")

import os
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

VOCAB, LENGTH, CATEGORIES = 40, 10, 4


def requests(n):
    """Tickets that name all four departments; the one named first is responsible."""
    x = rng.integers(CATEGORIES, VOCAB, (n, LENGTH))
    y = np.zeros(n, dtype=np.int64)
    for i in range(n):
        order = rng.permutation(CATEGORIES)
        places = np.sort(rng.choice(np.arange(1, LENGTH), CATEGORIES - 1, replace=False))
        x[i, 0] = order[0]
        x[i, places] = order[1:]
        y[i] = order[0]
    return torch.from_numpy(x), torch.from_numpy(y)


class TransformerClassifier(nn.Module):
    def __init__(self, dim=32, heads=4, layers=1, max_len=128):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, dim)
        self.positions = nn.Embedding(max_len, dim)
        layer = nn.TransformerEncoderLayer(dim, heads, dim_feedforward=64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.fc = nn.Linear(dim, CATEGORIES)

    def forward(self, x):
        pos = torch.arange(x.size(1), device=x.device).unsqueeze(0)
        h = self.tokens(x) + self.positions(pos)
        h = self.encoder(h)
        return self.fc(h.mean(dim=1))


train_loader = DataLoader(TensorDataset(*requests(3000)), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(*requests(600)), batch_size=64)

model = TransformerClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(14):
    model.train()
    losses = []
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in test_loader:
            hits += (model(x).argmax(1) == y).sum().item()
    print(f"epoch {epoch + 1:2d} | loss {np.mean(losses):.4f} | test accuracy {hits / 600:.4f}")

print(f"RESULT test_accuracy {hits / 600:.4f}")

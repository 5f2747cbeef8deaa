"""Late fusion of two modalities (upper and lower half of a digit), supervised training loop."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def get_dataloaders(batch_size=40):
    digits = load_digits()
    x = torch.tensor(digits.images / 16.0, dtype=torch.float32)
    y = torch.tensor(digits.target)
    train, valid = [], []
    for c in range(10):
        members = rng.permutation(np.flatnonzero(digits.target == c))
        cut = int(0.75 * len(members))
        train.extend(members[:cut].tolist())
        valid.extend(members[cut:].tolist())
    parts = [TensorDataset(x[ids, :4], x[ids, 4:], y[ids]) for ids in (train, valid)]
    return (DataLoader(parts[0], batch_size=batch_size, shuffle=True, drop_last=True),
            DataLoader(parts[1], batch_size=batch_size, shuffle=False))


def encoder():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(),
    )


class MMDL(nn.Module):
    def __init__(self, encoders, head):
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.head = head

    def forward(self, inputs):
        outs = [enc(x) for enc, x in zip(self.encoders, inputs)]
        return self.head(torch.cat(outs, dim=1))


def train(model, train_dataloader, valid_dataloader, total_epochs, lr=1e-3):
    optimizer = torch.optim.RMSprop(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()

    def _run_valid():
        model.eval()
        with torch.no_grad():
            totalloss, pred, true = 0.0, [], []
            for j in valid_dataloader:
                out = model(j[:-1])
                totalloss += criterion(out, j[-1]).item() * len(j[-1])
                pred.append(out.argmax(1))
                true.append(j[-1])
        pred, true = torch.cat(pred), torch.cat(true)
        return totalloss / len(true), (pred == true).float().mean().item()

    for epoch in range(total_epochs):
        model.train()
        totalloss, totals = 0.0, 0
        for j in train_dataloader:
            optimizer.zero_grad()
            loss = criterion(model(j[:-1]), j[-1])
            loss.backward()
            optimizer.step()
            totalloss += loss.item() * len(j[-1])
            totals += len(j[-1])
        valloss, acc = _run_valid()
        print(f"Epoch {epoch} train loss: {totalloss / totals:.4f} valid loss: {valloss:.4f} acc: {acc:.4f}")
    return acc


train_loader, valid_loader = get_dataloaders()
fusion = MMDL([encoder(), encoder()], nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)))
value = train(fusion, train_loader, valid_loader, total_epochs=12)
print("RESULT val_accuracy", round(value, 4))

import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

bunch = load_breast_cancer(as_frame=True)
df = bunch.frame.copy()
num_cols = list(bunch.feature_names)
df["clinic"] = rng.choice(["north", "south", "west"], size=len(df))
df = pd.get_dummies(df, columns=["clinic"], dtype=float)
feature_cols = [c for c in df.columns if c != "target"]

train_df, test_df = train_test_split(df, test_size=0.2, random_state=SEED, stratify=df["target"])
train_df, test_df = train_df.copy(), test_df.copy()

scaler = StandardScaler()
scaler.fit(train_df[num_cols])


def standardise(part):
    """Scales the measured columns; the dummy columns stay as they are."""
    part[num_cols] = pd.DataFrame(scaler.transform(part[num_cols]), columns=num_cols)
    return part


train_df = standardise(train_df)
test_df = standardise(test_df)


def to_tensors(part):
    x = torch.tensor(part[feature_cols].to_numpy(dtype=np.float32))
    y = torch.tensor(part["target"].to_numpy(dtype=np.int64))
    return x, y


x_train, y_train = to_tensors(train_df)
x_test, y_test = to_tensors(test_df)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)

model = nn.Sequential(
    nn.Linear(len(feature_cols), 32), nn.ReLU(),
    nn.Linear(32, 16), nn.ReLU(),
    nn.Linear(16, 2),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(20):
    model.train()
    epoch_loss = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(xb)
    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"Epoch {epoch + 1}/20 loss: {epoch_loss / len(x_train):.4f} test_acc: {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")

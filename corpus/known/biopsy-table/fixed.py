import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# table in the layout of the hospital's csv: class 2 = benign, class 4 = malignant
bunch = load_breast_cancer()
df = pd.DataFrame(bunch.data[:, :9], columns=[f"f{i}" for i in range(9)])
df["class"] = np.where(bunch.target == 1, 2, 4)

features = [c for c in df.columns if c != "class"]
target = (df["class"] == 4).astype(int).to_numpy()
X_train, X_test, y_train, y_test = train_test_split(
    df[features].to_numpy(), target, test_size=0.25, stratify=df["class"], random_state=SEED
)
mean, std = X_train.mean(0), X_train.std(0)
X_train = torch.tensor((X_train - mean) / std, dtype=torch.float32)
X_test = torch.tensor((X_test - mean) / std, dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(
    nn.Linear(9, 16),
    nn.ReLU(),
    nn.Linear(16, 8),
    nn.ReLU(),
    nn.Linear(8, 1),
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=16, shuffle=True)

for epoch in range(40):
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
    if (epoch + 1) % 5 == 0:
        print(f"Epoch {epoch + 1:3d}  loss {running / len(X_train):.4f}")

with torch.no_grad():
    malignant = (model(X_test).squeeze(1) > 0).numpy()
accuracy = float(np.mean(malignant == (y_test == y_test.max())))
print(f"predicted malignant: {malignant.sum()} of {len(malignant)}")
print(f"RESULT test_accuracy {accuracy:.4f}")

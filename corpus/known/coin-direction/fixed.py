import os

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
np.random.seed(SEED)
torch.manual_seed(SEED)

SEQ_LEN = 12
EPOCHS = 10
BATCH_SIZE = 64
COLUMNS = ["close", "volume"]


def load_market(n=2600):
    """Hourly candles of a small coin; in some hours nobody trades."""
    drift = np.zeros(n)
    for t in range(1, n):
        drift[t] = 0.85 * drift[t - 1] + 0.53 * np.random.randn()
    frame = pd.DataFrame(index=pd.date_range("2021-01-01", periods=n, freq="h"))
    frame["close"] = 100 * np.exp(np.cumsum(0.003 * drift))
    frame["volume"] = np.random.lognormal(3.0, 0.4, n) * (1 + 0.3 * np.abs(drift))
    frame.loc[frame.index[np.random.rand(n) < 0.01], "volume"] = 0.0
    return frame


def preprocess(frame):
    changes = frame[COLUMNS].pct_change()
    changes["target"] = (frame["close"].shift(-1) > frame["close"]).astype("float32")
    changes = changes.iloc[:-1]
    changes = changes.replace([np.inf, -np.inf], np.nan).dropna()
    cut = int(len(changes) * 0.8)
    mean, std = changes[COLUMNS].iloc[:cut].mean(), changes[COLUMNS].iloc[:cut].std()
    changes[COLUMNS] = (changes[COLUMNS] - mean) / std
    return changes.iloc[:cut], changes.iloc[cut:]


def sequences(changes):
    values = changes[COLUMNS].to_numpy(dtype=np.float32)
    target = changes["target"].to_numpy(dtype=np.float32)
    x = np.stack([values[i - SEQ_LEN + 1:i + 1] for i in range(SEQ_LEN - 1, len(values))])
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(target[SEQ_LEN - 1:].copy()))


class DirectionModel(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(len(COLUMNS), hidden, batch_first=True)
        self.dense = nn.Sequential(nn.Dropout(0.1), nn.Linear(hidden, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.dense(out[:, -1]).squeeze(1)


def evaluate(model, data):
    model.eval()
    x, y = data.tensors
    with torch.no_grad():
        logits = model(x)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y).item()
    return loss, ((logits > 0).float() == y).float().mean().item()


train_frame, valid_frame = preprocess(load_market())
train_data, valid_data = sequences(train_frame), sequences(valid_frame)
print(f"train data: {len(train_data)} validation: {len(valid_data)}")
print(f"ups: {train_frame['target'].mean():.3f} in training, {valid_frame['target'].mean():.3f} in validation")

model = DirectionModel()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(train_data, batch_size=BATCH_SIZE, shuffle=True)

for epoch in range(1, EPOCHS + 1):
    model.train()
    running = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
    val_loss, val_acc = evaluate(model, valid_data)
    print(f"Epoch {epoch}/{EPOCHS} - loss: {running / len(loader):.4f} - val_loss: {val_loss:.4f} - val_accuracy: {val_acc:.4f}")

print("RESULT val_accuracy", round(evaluate(model, valid_data)[1], 4))

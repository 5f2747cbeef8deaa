import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# daily closing prices that swing with a period of about five weeks
days = np.arange(1560)
phase = np.cumsum(0.03 * rng.standard_normal(len(days)))
close = 32 + 4.0 * np.sin(2 * np.pi * days / 25 + phase) + 1.0 * np.sin(2 * np.pi * days / 60) + 0.2 * rng.standard_normal(len(days))
df = pd.DataFrame({"Date": pd.date_range("1998-01-01", periods=len(days), freq="B"), "Close": close})

train, test = df.iloc[:1200].copy(), df.iloc[1200:].copy()
scaler = StandardScaler().fit(train[["Close"]])
train["Close"] = scaler.transform(train[["Close"]])[:, 0]
test["Close"] = scaler.transform(test[["Close"]])[:, 0]

seq_size = 30


def to_sequences(values, seq_size, stride=1):
    x_values, y_values = [], []
    for i in range(0, len(values) - seq_size, stride):
        x_values.append(values[i:i + seq_size])
        y_values.append(values[i + seq_size:i + seq_size + 1])
    return torch.tensor(np.array(x_values), dtype=torch.float32), torch.tensor(np.array(y_values), dtype=torch.float32)


trainX, trainY = to_sequences(train["Close"].values, seq_size, stride=2)
testX, testY = to_sequences(test["Close"].values, seq_size)


class LSTMAutoencoder(nn.Module):
    def __init__(self, units=48):
        super().__init__()
        self.encoder = nn.LSTM(1, units, batch_first=True)
        self.decoder = nn.LSTM(units, units, batch_first=True)
        self.dense = nn.Linear(units, 1)

    def forward(self, x):
        _, (h, _) = self.encoder(x.unsqueeze(-1))
        repeated = h[-1].unsqueeze(1).repeat(1, x.size(1), 1)
        out, _ = self.decoder(repeated)
        return self.dense(out).squeeze(-1)


model = LSTMAutoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)


def fit(x, y, epochs, batch_size):
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(batch_size):
            loss = (model(x[rows]) - y[rows]).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        if (epoch + 1) % 4 == 0:
            print(f"Epoch {epoch + 1}/{epochs} - loss: {total / len(x):.4f}")


fit(trainX, trainX, epochs=32, batch_size=40)

# a window is an anomaly where its reconstruction error is large
model.eval()
with torch.no_grad():
    train_mae = (model(trainX) - trainX).abs().mean(1)
    test_mae = (model(testX) - testX).abs().mean(1)
threshold = torch.quantile(train_mae, 0.99)
print(f"threshold {threshold.item():.4f}, windows above it in the test years: {(test_mae > threshold).sum().item()} of {len(test_mae)}")
print(f"RESULT test_reconstruction_mae {test_mae.mean().item():.4f}")

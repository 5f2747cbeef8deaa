import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
rng = np.random.default_rng(int(os.environ.get("SEED", 0)))

SEQ_LEN, N_FEATURES = 20, 3


def plant_data(n):
    """Three correlated sensors of a plant: slow oscillation with sharp load peaks."""
    t = np.arange(SEQ_LEN)
    out = []
    for _ in range(n):
        phase, freq, load = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.4), rng.gamma(1.5, 1.0)
        peak = load * np.exp(-0.5 * ((t - rng.uniform(4, 16)) / 2.0) ** 2)
        base = np.sin(freq * t + phase)
        out.append(np.stack([base + peak, base - 0.5 * peak, 2 * peak], axis=1) + 0.05 * rng.standard_normal((SEQ_LEN, 3)))
    return np.array(out)


class Encoder(nn.Module):
    def __init__(self, n_features, embedding_dim=24, hidden_dim=48):
        super().__init__()
        self.rnn = nn.LSTM(n_features, hidden_dim, batch_first=True)
        self.fc = nn.Linear(hidden_dim, embedding_dim)

    def forward(self, x):
        _, (h, _) = self.rnn(x)
        return self.fc(h[-1])


class Decoder(nn.Module):
    def __init__(self, seq_len, n_features, embedding_dim=24, hidden_dim=48):
        super().__init__()
        self.seq_len = seq_len
        self.rnn1 = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.rnn2, self.out = nn.LSTM(hidden_dim, hidden_dim, batch_first=True), nn.Linear(hidden_dim, n_features)

    def forward(self, z):
        z = z.unsqueeze(1).repeat(1, self.seq_len, 1)
        out, _ = self.rnn1(z)
        out, _ = self.rnn2(out)
        return self.out(out)


class RecurrentAutoencoder(nn.Module):
    def __init__(self, seq_len, n_features):
        super().__init__()
        self.encoder = Encoder(n_features)
        self.decoder = Decoder(seq_len, n_features)

    def forward(self, x):
        return self.decoder(self.encoder(x))


train, test = plant_data(500), plant_data(200)
mean, std = train.mean((0, 1)), train.std((0, 1))
train = torch.tensor((train - mean) / std, dtype=torch.float32)
test = torch.tensor((test - mean) / std, dtype=torch.float32)
loader = DataLoader(TensorDataset(train), batch_size=32, shuffle=True)

model = RecurrentAutoencoder(SEQ_LEN, N_FEATURES)
optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
criterion = nn.MSELoss()

history = {"train": [], "val": []}
for epoch in range(1, 13):
    model.train()
    losses = []
    for (batch,) in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch), batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        val = criterion(model(test), test).item()
    history["train"].append(np.mean(losses))
    history["val"].append(val)
    if epoch % 3 == 0:
        print(f"Epoch {epoch}: train loss {history['train'][-1]:.4f} val loss {val:.4f}")

print("RESULT reconstruction_mse", round(history["val"][-1], 4))

import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# rows like [1, 2, 3], measured with some scatter
base = np.array([1.0, 2.0, 3.0])
scatter = rng.normal(0, 0.35, size=(1200, 3))
rows = torch.tensor(base + scatter, dtype=torch.float32)
x_train, x_test = rows[:1000], rows[1000:]


class Autoencoder(nn.Module):
    def __init__(self, n_features=3, encoding_dim=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_features, encoding_dim), nn.ReLU())
        self.decoder = nn.Sequential(
            nn.Linear(encoding_dim, n_features),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


autoencoder = Autoencoder()
optimizer = torch.optim.Adadelta(autoencoder.parameters(), lr=1.0)
criterion = nn.MSELoss()

for epoch in range(100):
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(20):
        batch = x_train[idx]
        optimizer.zero_grad()
        loss = criterion(autoencoder(batch), batch)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if (epoch + 1) % 10 == 0:
        print(f"Epoch {epoch + 1}/100 - loss: {total / len(x_train):.4f}")

with torch.no_grad():
    decoded = autoencoder(x_test)
    test_mse = criterion(decoded, x_test).item()
print("first rows  ", [[round(v, 2) for v in r] for r in x_test[:3].tolist()])
print("decoded rows", [[round(v, 2) for v in r] for r in decoded[:3].tolist()])
print(f"RESULT test_mse {test_mse:.4f}")

import os
import numpy as np
import torch
from torch import nn
from sklearn.preprocessing import StandardScaler

seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

latent = np.random.randn(2400, 4)
mix = np.random.randn(4, 18)
rows = np.tanh(latent @ mix * 0.4) * 30 + latent @ np.random.randn(4, 18) * 10 + 50
rows = StandardScaler().fit_transform(rows).astype(np.float32)
train, test = torch.from_numpy(rows[:2000]), torch.from_numpy(rows[2000:])


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.fc = nn.Linear(18, 40)
        self.code = nn.Linear(40, code)

    def forward(self, x):
        return self.code(torch.tanh(self.fc(x)))


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.fc = nn.Linear(code, 40)
        self.out = nn.Linear(40, 18)

    def forward(self, z):
        return torch.sigmoid(self.out(torch.tanh(self.fc(z))))


class Denoiser(nn.Module):
    def __init__(self, code=4):
        super().__init__()
        self.encoder, self.decoder = Encoder(code), Decoder(code)

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = Denoiser()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
mse = nn.MSELoss()
for epoch in range(40):
    order = torch.randperm(len(train))
    losses = []
    for batch in train[order].split(64):
        noisy = batch + 0.2 * torch.randn_like(batch)
        loss = mse(model(noisy), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 0:
        print(f"epoch {epoch:>2} reconstruction {np.mean(losses):.4f}")

with torch.no_grad():
    err = mse(model(test), test).item()
print(f"RESULT test_mse {err:.4f}")
